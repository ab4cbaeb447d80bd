import { join } from 'node:path';
import { types } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import type { Config } from '../config/config';
import { ThreadsAndMessages1763683200000 } from './migrations/1763683200000-threads-and-messages';

const INT8 = 20;
const TIMESTAMPTZ = 1184;

/** `2026-11-21 03:15:52.199+00` as a date. pg's own parser takes any form, and 6 % of a read of 20 messages. */
function toDate(text: string): Date {
  const sign = text.at(-3);
  const zone = sign === '+' || sign === '-' ? ':00' : '';
  return new Date(`${text.slice(0, 10)}T${text.slice(11)}${zone}`);
}

/** Counters stay far below 2^53, so that 64-bit integers may be numbers. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (format !== 'binary' && oid === INT8) return Number;
  if (format !== 'binary' && oid === TIMESTAMPTZ) return toDate;
  return types.getTypeParser(oid, format) as (text: string) => unknown;
}

/** TypeORM's options for one database; `synchronize` is off, always: migrations are the only way to a schema. */
export function dataSourceOptions(url: string, env?: Config['env']): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities: [join(__dirname, '..', '**', '*.entity.{js,ts}')],
    migrations: [ThreadsAndMessages1763683200000],
    migrationsTableName: 'throughline_migrations',
    synchronize: false,
    installExtensions: false,
    applicationName: 'throughline',
    extra: {
      max: env ? env.DB_POOL_SIZE + env.DB_MAX_OVERFLOW : 2,
      connectionTimeoutMillis: env?.DB_POOL_TIMEOUT_MS,
      // Begin, statement and commit may leave in one flush.
      pipeline: true,
      types: { getTypeParser },
      keepAlive: true,
    },
  };
}
