import { connectionString, ensureDatabase } from './connection';
import { startLastingServer } from './lasting-server';
import { startThrowAwayServer } from './throw-away-server';
import type { EmbeddedOptions, EmbeddedPostgres } from './types';

export type { EmbeddedOptions, EmbeddedPostgres } from './types';

/**
 * Starts a real PostgreSQL from the binaries of an npm package, or adopts the one that serves the data folder
 * already. It listens on 127.0.0.1 only and always asks for the password. A lasting one runs on when this process
 * ends without `stop()`.
 *
 * @throws with the end of the server's log, or with the advice to set `DATABASE_URL` where it cannot run
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const server = await (options.throwAway ? startThrowAwayServer(options) : startLastingServer(options));
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
