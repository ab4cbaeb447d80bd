import { createServer } from 'node:net';
import { Client } from 'pg';
import { HOST, SUPERUSER } from './commands';
import { errorCode } from './files';

/** How to reach an embedded server. */
export interface Address {
  readonly port: number;
  readonly password: string;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** The number of an advisory lock in the database `postgres`, where nothing else takes any. */
const LOCK = 7_468_726_543;
/** For the sessions of processes that were killed a moment ago. */
const LAST_LIMIT_MS = 500;
const LOCK_NOT_AVAILABLE = '55P03';

/** The connection string of one of its databases. */
export function connectionString({ port, password }: Address, database: string): string {
  return `postgresql://${SUPERUSER}:${encodeURIComponent(password)}@${HOST}:${port}/${encodeURIComponent(database)}`;
}

/** The data folder of the server at an address. Throws when nobody answers, or refuses the password. */
export function dataDirectoryOf(address: Address): Promise<string> {
  return withClient(address, async (client) => {
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return rows[0].data_directory;
  });
}

/** Creates a database that is missing. */
export function ensureDatabase(address: Address, database: string): Promise<void> {
  return withClient(address, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (rowCount) return;
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`);
    } catch (error) {
      // Another start created it in between: duplicate_database, or unique_violation at the very same moment.
      if (!['42P04', '23505'].includes(errorCode(error) ?? '')) throw error;
    }
  });
}

/**
 * A port that was free a moment ago; should somebody take it first, the server says so and another is tried.
 * @param wish which one, if it is free
 */
export function freePort(wish = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (wish ? resolve(freePort()) : reject(error)));
    server.listen(wish, HOST, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A connection to the database `postgres`. What breaks it fails the next statement, and no process. */
async function connect(address: Address): Promise<Client> {
  const client = new Client({
    connectionString: connectionString(address, 'postgres'),
    ssl: false, // Whatever PGSSLMODE says, it is the loopback interface.
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs work on a connection to the database `postgres`. */
export async function withClient<T>(address: Address, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(address);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * One process's use of an embedded server: a session that shares a lock with those of all other processes. It ends
 * when the server does, and with its process, however that ends.
 */
export class Hold {
  /** Once the session has ended: the server is gone, or has thrown everybody out. */
  readonly lost: Promise<void>;

  private constructor(private readonly client: Client) {
    this.lost = new Promise((resolve) => client.once('end', () => resolve()));
  }

  /** @throws when the server is gone, or its last user stops it */
  static async take(address: Address): Promise<Hold> {
    const client = await connect(address);
    const hold = new Hold(client);
    try {
      await client.query('SELECT pg_advisory_lock_shared($1)', [LOCK]);
      return hold;
    } catch (error) {
      await hold.end();
      throw error;
    }
  }

  /**
   * Gives up the use, and tells who else has one. Once it was nobody, nobody gets one any more: the caller stops the
   * server. `unknown`: the server is gone, or its last user stops it already.
   */
  async letGo(): Promise<'none' | 'some' | 'unknown'> {
    try {
      // Each lets go before it tries: of two that end at once, one is the last.
      await this.client.query('SELECT pg_advisory_unlock_shared($1)', [LOCK]);
      await this.client.query(`SET lock_timeout = ${LAST_LIMIT_MS}`);
      await this.client.query('SELECT pg_advisory_lock($1)', [LOCK]);
      return 'none';
    } catch (error) {
      return errorCode(error) === LOCK_NOT_AVAILABLE ? 'some' : 'unknown';
    }
  }

  end(): Promise<void> {
    return this.client.end().catch(() => undefined);
  }
}
