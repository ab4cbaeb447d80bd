import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import type { Config } from '../config/config';
import { connectionsOf } from '../config/process-shares';
import { DatabaseClient, UnnamedClient } from './door/connections';
import { parsers } from './door/pg-types';

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
      Client: prepared ? DatabaseClient : UnnamedClient,
    },
  };
}
