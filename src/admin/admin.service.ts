import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { type VariableName, variables } from '../config/variables';

export type Setting = string | number | boolean | null;
export type SettingsView = Record<VariableName, Setting> & { database: { kind: string } };

/** Shows an operator what the server runs with. */
@Injectable()
export class AdminService {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Every variable as it was understood (N26, P02); null where it is not set, and no secret (F52). */
  settings(): SettingsView {
    const names = Object.keys(variables) as VariableName[];
    const entries = names.map((name) => [name, show(name, this.config.env[name])] as const);
    return { ...(Object.fromEntries(entries) as Record<VariableName, Setting>), database: this.database() };
  }

  private database() {
    return { kind: this.config.database.kind };
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
