import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import type { Config } from '../config/config';
import { connectionsOf } from '../config/process-shares';
import { DatabaseClient, UnnamedClient } from './door/connections';
import { parsers } from './door/pg-types';

/** After so long without a word, the system asks whether the other end is still there. */
const KEEP_ALIVE_MS = 10_000;

/**
 * TypeORM's options for one database; `synchronize` is off, always: migrations are the only way to a schema.
 * @param prepared whether statements are prepared by their names
 */
export function dataSourceOptions(url: string, env?: Config['env'], prepared = true): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities: [join(__dirname, '..', '**', '*.entity.{js,ts}')],
    migrations: [join(__dirname, 'migrations', '[0-9]*.{js,ts}')],
    migrationsTableName: 'throughline_migrations',
    synchronize: false,
    installExtensions: false,
    applicationName: 'throughline',
    extra: {
      max: env ? connectionsOf(env) : 2,
      connectionTimeoutMillis: env?.DB_POOL_TIMEOUT_MS,
      // Begin, statement and commit may leave in one flush.
      pipeline: true,
      types: parsers,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      Client: prepared ? DatabaseClient : UnnamedClient,
    },
  };
}
