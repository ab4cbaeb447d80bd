import { connectionString, ensureDatabase } from './connection';
import { startServer } from './server';
import { startThrowAwayServer } from './throw-away-server';

/** What to start. */
export interface EmbeddedOptions {
  /** The folder that keeps everything of a lasting database; unused for a throw-away one. */
  dataDir: string;
  /** A fresh database in a temp folder, fast and not durable, gone with this process however it ends. */
  throwAway?: boolean;
  /** The database to create and connect to; by default `throughline`. */
  database?: string;
  /** More PostgreSQL settings. They do not reach a server that is adopted. */
  settings?: Record<string, string>;
  /** Receives one line for each thing that an operator should know. */
  log?: (message: string) => void;
  /** Called when a lasting server is starting in its own process, and this one only waits for it. */
  meanwhile?: () => void;
}

/** A PostgreSQL server of our own, on this machine. */
export interface EmbeddedPostgres {
  /** With the password of the superuser: not for logs. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Whether it ran already, left behind by a process that was killed, or shared with one that is alive. */
  readonly adopted: boolean;
  /** Shuts it down, also when adopted, and waits until it is gone; calling it again does nothing more. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL from the binaries of an npm package, or adopts the one that serves the data folder
 * already. It listens on 127.0.0.1 only and always asks for the password. A lasting one runs on when this process
 * ends without `stop()`.
 *
 * @throws with the end of the server's log, or with the advice to set `DATABASE_URL` where it cannot run
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const server = await (options.throwAway
    ? startThrowAwayServer(options)
    : startServer({ ...options, onSpawn: options.meanwhile }));
  const database = options.database ?? 'throughline';
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= server.stop());
  try {
    await ensureDatabase(server, database);
  } catch (error) {
    if (!server.adopted) await stop();
    throw error;
  }
  options.log?.(`PostgreSQL (process ${server.pid}) ${server.adopted ? 'adopted' : 'started'} on port ${server.port}.`);
  return { url: connectionString(server, database), port: server.port, pid: server.pid, adopted: server.adopted, stop };
}
