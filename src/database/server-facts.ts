import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config';
import { DatabaseClient } from './door/connections';

/** What stands at the other end of a URL. */
interface Server {
  /** Whether connections are a pooler's, which hands those of the server round. */
  readonly pooled: boolean;
  /** Connections that the server has for all its users. */
  readonly connections: number;
}

const FACTS = `
  SELECT pg_backend_pid() AS pid, current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) AS connections`;

const ATTEMPTS = 3;
const PAUSE_MS = 1000;
const LIMIT_MS = 10_000;

/**
 * Looks who answers.
 * @param limitMs how long a connection may take, and the answer on it
 * @throws when nobody answers, also not some seconds later
 */
export async function inspectServer(url: string, limitMs = LIMIT_MS): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inspect(url, limitMs);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function inspect(url: string, limitMs: number): Promise<Server> {
  const limits = { connectionTimeoutMillis: limitMs, query_timeout: limitMs };
  const client = new DatabaseClient({ connectionString: url, ...limits });
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; connections: number }>(FACTS);
    const [{ pid, connections }] = rows;
    // A pooler introduces itself by a number of its own.
    const introduced = (client as unknown as { processID: number | null }).processID;
    return { pooled: introduced !== pid, connections };
  } finally {
    // Not awaited: who does not answer does not take leave either.
    client.end().catch(() => undefined);
  }
}

/**
 * Whether statements may be prepared by their names, and how many connections the server has, where that is known.
 * @throws when nobody answers and the first can't be told without
 */
export async function inspectDatabase(
  { env, database }: Config,
  url: string,
): Promise<{ prepared: boolean; connections?: number }> {
  // The embedded server has no pooler before it.
  const known = env.DB_PREPARED_STATEMENTS ?? (database.kind === 'server' ? undefined : true);
  try {
    const { pooled, connections } = await inspectServer(url);
    // Of what a pooler has, nothing is known.
    return { prepared: known ?? !pooled, ...(!pooled && { connections }) };
  } catch (error) {
    if (known === undefined) throw error;
    return { prepared: known };
  }
}
