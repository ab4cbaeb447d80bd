import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { mapPgError } from './database.errors';
import { inTransaction, Tx } from './transaction';

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
  constructor(private readonly dataSource: DataSource) {}

  /** @throws STORE_UNAVAILABLE */
  async run<T>(work: (tx: SystemTx) => Promise<T>): Promise<T> {
    const begin = `BEGIN; SET LOCAL ROLE throughline_system; SET LOCAL statement_timeout = 30000`;
    const { dataSource } = this;
    const makeTx = (client: PoolClient) => new SystemTx(client, dataSource);
    return inTransaction({ dataSource, begin, makeTx }, work).catch((error: unknown) => {
      throw mapPgError(error);
    });
  }
}
