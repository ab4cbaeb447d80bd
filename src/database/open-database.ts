import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres';
import { DatabaseClient } from './door/connections';
import type { MigrationTarget } from './migrate';

const OTHER_CLIENTS = `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
const LOOKS = 20;
const LOOK_MS = 50;

/** The configured database, running. */
export interface OpenDatabase extends MigrationTarget {
  /** Whether an embedded server ran already: another process may be using it. */
  readonly adopted: boolean;
  /** Stops the embedded server, also an adopted one; nothing for a server of the operator's. */
  stop(): Promise<void>;
  /** Stops the embedded server if this process started it and nobody else has come to use it. */
  leave(): Promise<void>;
}

/**
 * Starts or adopts the embedded PostgreSQL, or answers the URLs of the operator's server.
 * @param log receives one line for each thing that an operator should know
 * @param meanwhile called once an embedded PostgreSQL is starting in its own process, and this one only waits
 */
export async function openDatabase(
  { database }: Config,
  log: (message: string) => void,
  meanwhile?: () => void,
): Promise<OpenDatabase> {
  if (database.kind === 'server') {
    const nothing = () => Promise.resolve();
    return { url: database.url, ownerUrl: database.ownerUrl, adopted: false, stop: nothing, leave: nothing };
  }
  const where = database.kind === 'embedded' ? { dataDir: database.folder } : { dataDir: '', throwAway: true };
  const server = await startEmbeddedPostgres({ ...where, settings: {}, log, meanwhile });
  const { url, adopted } = server;
  return { url, ownerUrl: url, adopted, stop: () => server.stop(), leave: () => leave(server) };
}

/** A server that starts while a command runs adopts the command's database, and must not lose it at the command's end. */
async function leave(server: EmbeddedPostgres): Promise<void> {
  if (!server.adopted && !(await hasOtherClients(server.url))) await server.stop();
}

async function hasOtherClients(url: string): Promise<boolean> {
  const client = new DatabaseClient({ connectionString: url });
  await client.connect();
  try {
    for (let look = 1; look <= LOOKS; look += 1) {
      const { rowCount } = await client.query(OTHER_CLIENTS);
      if (!rowCount) return false;
      // The backends of connections that this process has just closed take a moment to go.
      await delay(LOOK_MS);
    }
    return true;
  } finally {
    await client.end();
  }
}
