import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../../config/config';
import { retrying } from './retries';
import { inTransaction } from './transaction';
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
    private readonly dataSource: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Runs `work` in one transaction. A statement may take DB_STATEMENT_TIMEOUT_MS. @throws STORE_UNAVAILABLE */
  async run<T>(work: (tx: SystemTx) => Promise<T>): Promise<T> {
    const { dataSource } = this;
    const begin =
      'BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL ROLE throughline_system; ' +
      `SET LOCAL statement_timeout = ${this.config.env.DB_STATEMENT_TIMEOUT_MS}`;
    const makeTx = (client: PoolClient) => new SystemTx(client, dataSource);
    // Not when the database is away: a probe and a guard are better served by 503 at once.
    return retrying(() => inTransaction({ dataSource, begin, makeTx }, work), { whenAway: false });
  }
}
