import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { commonErrors } from '../common/errors';
import { Connections } from '../database/door/connections';
import { SystemDatabase } from '../database/door/system-database';
import { httpErrors } from '../http/server/http.errors';
import { Lifecycle } from '../http/server/lifecycle';
import { VERSION } from '../http/server/version';
import type { HealthView, ReadyView } from './health.dto';

/** How long the database may take to answer a probe. */
const PROBE_LIMIT_MS = 2000;
/** A standby answers, and takes no message. */
const WRITES = `SELECT current_setting('transaction_read_only') = 'off' AS writes`;

/** Tells load balancers and operators whether this instance can serve. */
@Injectable()
export class HealthService {
  private answer?: Promise<boolean>;

  constructor(
    private readonly database: SystemDatabase,
    private readonly connections: Connections,
    private readonly lifecycle: Lifecycle,
  ) {}

  /** @throws STORE_UNAVAILABLE */
  async health(): Promise<HealthView> {
    await this.requireDatabase();
    return { status: 'healthy', service: 'throughline', version: VERSION, database: 'up' };
  }

  /** @throws SHUTTING_DOWN, STORE_UNAVAILABLE */
  async ready(): Promise<ReadyView> {
    if (this.lifecycle.leaving) throw httpErrors.SHUTTING_DOWN().with({ headers: { 'retry-after': '1' } });
    await this.requireDatabase();
    return { status: 'ready' };
  }

  private async requireDatabase(): Promise<void> {
    const works = !this.connections.overdue && (await this.ask());
    if (!works) throw commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
  }

  private async ask(): Promise<boolean> {
    // One question at a time, also of one that hangs: probes hold one connection at most, and not those that work.
    this.answer ??= this.database
      .run((tx) => tx.query<{ writes: boolean }>(WRITES), PROBE_LIMIT_MS)
      .then(([{ writes }]) => writes)
      .catch(() => false)
      .finally(() => (this.answer = undefined));
    const timer = new AbortController();
    const limit = sleep(PROBE_LIMIT_MS, false, { signal: timer.signal, ref: false }).catch(() => false);
    return Promise.race([this.answer, limit]).finally(() => timer.abort());
  }
}
