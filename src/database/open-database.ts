import type { Config } from '../config/config';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres';
import type { MigrationTarget } from './migrate';

/** The configured database, running. */
export interface OpenDatabase extends MigrationTarget {
  /** Stops the embedded server, unless another process uses it; nothing for a server of the operator's. */
  stop(): Promise<void>;
}

interface Options {
  /** Receives one line for each thing that an operator should know. */
  log?: (message: string) => void;
  /** Called once an embedded PostgreSQL is starting in its own process, and this one only waits. */
  meanwhile?: () => void;
  /** Called when an embedded PostgreSQL is gone for good. */
  onLost?: (error: Error) => void;
}

/** Starts or adopts the embedded PostgreSQL, or answers the URLs of the operator's server. */
export async function openDatabase({ database }: Config, options: Options = {}): Promise<OpenDatabase> {
  if (database.kind === 'server') {
    return { url: database.url, ownerUrl: database.ownerUrl, stop: () => Promise.resolve() };
  }
  const where = database.kind === 'embedded' ? { dataDir: database.folder } : { dataDir: '', throwAway: true };
  const server = await startEmbeddedPostgres({ ...where, ...options });
  return { url: server.url, ownerUrl: server.url, stop: () => server.stop() };
}
