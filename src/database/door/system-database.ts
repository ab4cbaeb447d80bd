import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { Connections, type DatabaseClient } from './connections';
import { retrying } from './retries';
import { endWhenIdle, inTransaction, limitOf } from './transaction';
import { Tx } from './tx';

/** A transaction that belongs to no tenant. */
export class SystemTx extends Tx {
  declare private readonly system: true;
}

/**
 * The second door, for what has no tenant yet: finding an API key, cleanup over all organizations.
 * Only `auth`, `organizations`, `cleanup`, `admin` and `health` may import it. It works as the role
 * `throughline_system`, which may touch a few tables only and no message at all.
 */
@Injectable()
export class SystemDatabase {
  constructor(
    private readonly connections: Connections,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Runs `work` in one transaction.
   * @param timeoutMs how long a statement may run, where DB_STATEMENT_TIMEOUT_MS allows more
   * @throws STORE_UNAVAILABLE
   */
  async run<T>(work: (tx: SystemTx) => Promise<T>, timeoutMs?: number): Promise<T> {
    const { connections } = this;
    const limitMs = limitOf(this.config, timeoutMs);
    const begin =
      'BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL ROLE throughline_system; ' +
      `SET LOCAL statement_timeout = ${limitMs}; ${endWhenIdle(limitMs)}`;
    const makeTx = (client: DatabaseClient) => new SystemTx(client, connections.dataSource);
    const frame = { connections, begin, makeTx, limitMs };
    // Not when the database is away: a probe and a guard are better served by 503 at once.
    return retrying(() => inTransaction(frame, work), { whenAway: false });
  }
}
