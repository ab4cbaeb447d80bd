import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { type VariableName, variables } from '../config/variables';
import { type Tenant, TenantDatabase } from '../database/door/tenant-database';
import { type StatsView, toStatsView } from './admin.dto';
import { AdminRepository } from './admin.repository';

type Setting = string | number | boolean | null;
export type SettingsView = Record<VariableName, Setting> & { database: { kind: string } };

/** Shows an operator what the server runs with, and how much there is. */
@Injectable()
export class AdminService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: TenantDatabase,
    private readonly repository: AdminRepository,
  ) {}

  /** Every variable as it was understood (N26, P02); null where it is not set, and no secret (F52). */
  settings(): SettingsView {
    const names = Object.keys(variables) as VariableName[];
    const entries = names.map((name) => [name, show(name, this.config.env[name])] as const);
    const database = { kind: this.config.database.kind };
    return { ...(Object.fromEntries(entries) as Record<VariableName, Setting>), database };
  }

  /** What the organization keeps, without what has expired (N38, F71). @throws STORE_UNAVAILABLE */
  async stats(tenant: Tenant): Promise<StatsView> {
    return toStatsView(await this.database.readOne(tenant, (tx) => this.repository.stats(tx, tenant.orgId)));
  }
}

function show(name: VariableName, value: Setting | undefined): Setting {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && (name.endsWith('_URL') || name === 'DB_CONNECTION_STRING'))
    return withoutSecrets(value);
  return 'secret' in variables[name] ? '***' : value;
}

/** A URL without its password, and without its parameters, which may hold one too. */
function withoutSecrets(text: string): string {
  if (!URL.canParse(text)) return '***';
  const url = new URL(text);
  if (url.password) url.password = '***';
  url.search = '';
  url.hash = '';
  return url.toString();
}
