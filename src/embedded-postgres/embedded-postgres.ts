import { setTimeout as sleep } from 'node:timers/promises';
import { connectionString, ensureDatabase, Hold } from './connection';
import { type Launcher, type RunningServer, startServer } from './server';
import { prepareThrowAway } from './throw-away-server';

/** A server that ended so soon after its start may do so again. */
const YOUNG_MS = 10_000;
const PAUSE_MS = 1_000;
const OPEN_ATTEMPTS = 5;

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
  /** Called when the server is gone and could not be started again at its address. */
  onLost?: (error: Error) => void;
}

/** A PostgreSQL server of our own, on this machine. It is started again when it ends by itself. */
export interface EmbeddedPostgres {
  /** With the password of the superuser: not for logs. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Whether it ran already, left behind by a process that was killed, or shared with one that is alive. */
  readonly adopted: boolean;
  /** Shuts it down, unless another process uses it, and waits until it is gone; calling it again does nothing more. */
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
  const { database = 'throughline', log } = options;
  const kept = new KeptServer(options.throwAway ? prepareThrowAway(options) : lasting(options), options);
  const { port, pid, password, adopted } = await kept.open();
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= kept.stop());
  try {
    await ensureDatabase({ port, password }, database);
  } catch (error) {
    await stop();
    throw error;
  }
  log?.(`PostgreSQL (process ${pid}) ${adopted ? 'adopted' : 'started'} on port ${port}.`);
  return { url: connectionString({ port, password }, database), port, pid, adopted, stop };
}

const lasting = (options: EmbeddedOptions): Launcher => ({
  start: (port) => startServer({ ...options, port, onSpawn: options.meanwhile }),
  stop: (server) => server.stop(),
});

/** A server that this process uses, and starts again when it is gone. */
class KeptServer {
  private server?: RunningServer;
  private hold?: Hold;
  private ending = false;
  private mending = Promise.resolve();

  constructor(
    private readonly launcher: Launcher,
    private readonly options: EmbeddedOptions,
  ) {}

  async open(): Promise<RunningServer> {
    const server = await this.openAt();
    this.watch(server);
    return server;
  }

  async stop(): Promise<void> {
    this.ending = true;
    await this.mending;
    const others = this.options.throwAway ? 'none' : await this.hold!.letGo();
    if (others === 'none') await this.launcher.stop(this.server!);
    if (others === 'some') this.options.log?.('PostgreSQL runs on: another process uses it.');
    await this.hold!.end();
  }

  /** Starts or adopts it, and takes a hold; where its last user stops it meanwhile, it is started after that. */
  private async openAt(port?: number): Promise<RunningServer> {
    for (let attempt = 1; ; attempt += 1) {
      const server = await this.launcher.start(port);
      try {
        this.hold = await Hold.take(server);
        return (this.server = server);
      } catch (error) {
        if (attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  }

  private watch(server: RunningServer): void {
    const since = Date.now();
    void this.hold!.lost.then(() => {
      if (this.ending) return;
      const pause = Date.now() - since < YOUNG_MS ? PAUSE_MS : 0;
      this.mending = this.mend(server, pause).catch((error: Error) => {
        if (!this.ending) this.options.onLost?.(error);
      });
    });
  }

  private async mend({ pid, port }: RunningServer, pauseMs: number): Promise<void> {
    this.options.log?.(`PostgreSQL (process ${pid}) is gone: starting it again.`);
    await sleep(pauseMs);
    const server = await this.openAt(port);
    if (server.port !== port) throw new Error(`PostgreSQL was gone, and is at port ${server.port} now, not ${port}.`);
    this.options.log?.(`PostgreSQL (process ${server.pid}) is back on port ${port}.`);
    this.watch(server);
  }
}
