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

/** A server that takes connections, before its database is looked at. */
export interface RunningServer {
  readonly port: number;
  readonly password: string;
  readonly pid: number;
  readonly adopted: boolean;
  stop(): Promise<void>;
}
