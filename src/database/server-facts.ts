import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config';
import { DatabaseClient } from './door/connections';

/** What stands at the other end of a URL. */
interface Server {
  /** Whether connections are a pooler's, which hands those of the server round. */
  readonly pooled: boolean;
  /** Connections that the server has for all its users. */
  readonly connections: number;
  /** Settings that are off, so that a crash of the server loses what was acknowledged. */
  readonly undurable: string[];
}

type Facts = Omit<Server, 'pooled'> & { pid: number };

const DURABILITY = ['fsync', 'full_page_writes', 'synchronous_commit'];
const FACTS = `
  SELECT ARRAY(SELECT name FROM unnest($1::text[]) AS name WHERE current_setting(name) = 'off') AS undurable,
    pg_backend_pid() AS pid, current_setting('max_connections')::int
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
    const { rows } = await client.query<Facts>(FACTS, [DURABILITY]);
    const [{ pid, ...facts }] = rows;
    // A pooler introduces itself by a number of its own.
    const introduced = (client as unknown as { processID: number | null }).processID;
    return { pooled: introduced !== pid, ...facts };
  } finally {
    // Not awaited: who does not answer does not take leave either.
    client.end().catch(() => undefined);
  }
}

/**
 * Whether statements may be prepared by their names, how many connections the server has, where that is known, and which
 * settings would lose what was acknowledged, unless nothing is to be kept.
 * @throws when nobody answers and the first can't be told without
 */
export async function inspectDatabase(
  { env, database }: Config,
  url: string,
): Promise<{ prepared: boolean; connections?: number; undurable: string[] }> {
  // The embedded server has no pooler before it.
  const known = env.DB_PREPARED_STATEMENTS ?? (database.kind === 'server' ? undefined : true);
  try {
    const { pooled, connections, undurable } = await inspectServer(url);
    const lost = database.kind === 'memory' ? [] : undurable;
    // Of what a pooler has, nothing is known.
    return { prepared: known ?? !pooled, ...(!pooled && { connections }), undurable: lost };
  } catch (error) {
    if (known === undefined) throw error;
    return { prepared: known, undurable: [] };
  }
}
