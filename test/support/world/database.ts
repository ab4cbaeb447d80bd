import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Pool, types } from 'pg';
import { databaseUrl } from './urls';

export interface TestDatabase {
  /** As the superuser of the test server. */
  readonly url: string;
  /** For looking past row-level security, and for arranging what the API can't. `bigint` comes back as a number. */
  readonly pool: Pool;
  drop(): Promise<void>;
}

const OBJECT_IN_USE = '55006';
const INT8 = 20;

/** A database of its own, cloned from the migrated template. */
export const cloneDatabase = (): Promise<TestDatabase> => makeDatabase(setting('TEST_TEMPLATE'));

/** A database without a schema. */
export const emptyDatabase = (): Promise<TestDatabase> => makeDatabase('template0');

/** One statement as superuser, outside any test database: for roles. */
export const asAdmin = (statement: string): Promise<void> => onAdmin((client) => client.query(statement));

/** Waits until a statement of its database waits for a lock. */
export async function waitsForLock({ pool }: Pick<TestDatabase, 'pool'>): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await pool.query(waiting)).rowCount === 0) await sleep(10);
}

async function makeDatabase(template: string): Promise<TestDatabase> {
  const name = `${setting('TEST_PREFIX')}${randomBytes(6).toString('hex')}`;
  await onAdmin((client) => retrying(() => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)));
  const url = databaseUrl(setting('TEST_ADMIN_URL'), name);
  const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format);
  const pool = new Pool({ connectionString: url, max: 4, types: { getTypeParser } });
  pool.on('error', () => undefined);
  const drop = async () => {
    await pool.end();
    await onAdmin((client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  };
  return { url, pool, drop };
}

/** The template is busy for the moment in which another file's database is cloned from it. */
async function retrying(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await attempt();
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== OBJECT_IN_USE || tries === 100) throw error;
      await sleep(50);
    }
  }
}

async function onAdmin(work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: setting('TEST_ADMIN_URL') });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: test/support/jest/global-setup.ts has not run`);
  return value;
}
