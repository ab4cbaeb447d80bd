import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import type { Config } from '../config/config';
import { connectionsOf } from '../config/process-shares';
import { parsers } from './door/pg-types';
import { UnnamedClient } from './server-facts';
import { ThreadsAndMessages1763683200000 } from './migrations/1763683200000-threads-and-messages';
import { Sessions1763769600000 } from './migrations/1763769600000-sessions';
import { Memory1763856000000 } from './migrations/1763856000000-memory';
import { MemorySearch1763942400000 } from './migrations/1763942400000-memory-search';
import { Erasures1764028800000 } from './migrations/1764028800000-erasures';
import { Summaries1764115200000 } from './migrations/1764115200000-summaries';
import { Conversations1764201600000 } from './migrations/1764201600000-conversations';
import { Shares1764230400000 } from './migrations/1764230400000-shares';
import { MessageSearch1764288000000 } from './migrations/1764288000000-message-search';

/**
 * TypeORM's options for one database; `synchronize` is off, always: migrations are the only way to a schema.
 * @param prepared whether statements are prepared by their names
 */
export function dataSourceOptions(url: string, env?: Config['env'], prepared = true): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities: [join(__dirname, '..', '**', '*.entity.{js,ts}')],
    migrations: [
      ThreadsAndMessages1763683200000,
      Sessions1763769600000,
      Memory1763856000000,
      MemorySearch1763942400000,
      Erasures1764028800000,
      Summaries1764115200000,
      Conversations1764201600000,
      Shares1764230400000,
      MessageSearch1764288000000,
    ],
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
      ...(prepared ? {} : { Client: UnnamedClient }),
    },
  };
}
