import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../../config/config';
import { Lifecycle } from './lifecycle';

/** After the grace, how long it may take to let go of connections that were cut. */
const CUT_LIMIT_MS = 3000;

/** What a process has to end before it ends itself. */
interface Running {
  /** Lets requests under way finish. */
  close(): Promise<void>;
  /** Then, the database of its own. */
  stopDatabase(): Promise<void>;
  /** Instead of the two, when there is to be no more waiting. */
  abandon?(): void;
}

/** Within this, a second SIGINT is the first one's echo. */
const ONE_KEY_MS = 1000;

/** The end of a process. */
interface Ending {
  /** Whether it has begun. */
  readonly requested: boolean;
  /** Begins it, unless it has begun. */
  begin(reason: string): void;
}

/**
 * Ends the process on SIGTERM and SIGINT: what runs is closed, then the database of its own, exit 0. A second signal
 * exits at once with 1.
 * Nest's shutdown hooks end by the signal itself, which would leave an embedded PostgreSQL behind.
 */
export function stopOnSignal(logger: Logger, running: Running): Ending {
  const ending = {
    requested: false,
    begin: (reason: string) => {
      if (ending.requested) return;
      ending.requested = true;
      logger.info({ reason }, 'Shutting down');
      running
        .close()
        .then(() => running.stopDatabase())
        .then(
          () => process.exit(0),
          (error: unknown) => {
            logger.error({ err: error }, 'The shutdown failed');
            process.exit(1);
          },
        );
    },
  };
  let began = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (!ending.requested) {
      began = performance.now();
      return ending.begin(signal);
    }
    // Ctrl-C reaches the server from the terminal, and again from npm, which hands it on: that is one key.
    if (signal === 'SIGINT' && performance.now() - began < ONE_KEY_MS) return;
    running.abandon?.();
    process.exit(1);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return ending;
}

/**
 * Readiness turns and answers end their connections; after `delayMs`, by which the load balancer has noticed, requests
 * under way finish within `graceMs` and the app closes.
 */
export async function closeApp(
  app: NestFastifyApplication | undefined,
  { delayMs, graceMs }: Config['shutdown'],
  logger: Logger,
): Promise<void> {
  if (!app) return;
  const lifecycle = app.get(Lifecycle, { strict: false });
  lifecycle.leave();
  await sleep(delayMs);
  lifecycle.stop();
  const closing = app.close().then(() => true);
  if (await Promise.race([closing, sleep(graceMs, false)])) return;
  logger.warn(`Requests were still running after SHUTDOWN_GRACE_MS (${graceMs} ms); their connections are cut`);
  app.getHttpServer().closeAllConnections();
  await Promise.race([closing, sleep(CUT_LIMIT_MS)]);
}
