import { Client } from 'pg';

/** What stands at the other end of a URL. */
export interface Server {
  /** Whether connections are a pooler's, which hands those of the server round. */
  readonly pooled: boolean;
  /** Connections that the server has for all its users. */
  readonly connections: number;
}

const FACTS = `
  SELECT pg_backend_pid() AS pid, current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) AS connections`;

/** Looks who answers. @throws when nobody does */
export async function inspectServer(url: string): Promise<Server> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number; connections: number }>(FACTS);
    const [{ pid, connections }] = rows;
    // A pooler introduces itself by a number of its own.
    const introduced = (client as unknown as { processID: number | null }).processID;
    return { pooled: introduced !== pid, connections };
  } finally {
    await client.end();
  }
}

type Query = Client['query'];

/**
 * Sends statements without their names. Behind a pooler each transaction may be on another connection, where nothing was
 * prepared under the name, or something else was.
 */
export class UnnamedClient extends Client {
  override query: Query = ((query: unknown, ...rest: unknown[]) => {
    const send = super.query.bind(this) as (...all: unknown[]) => unknown;
    return isNamed(query) ? send({ ...query, name: undefined }, ...rest) : send(query, ...rest);
  }) as Query;
}

const isNamed = (query: unknown): query is { name: string } =>
  typeof query === 'object' && query !== null && 'name' in query && !('submit' in query);
