import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Lifecycle } from './lifecycle';

/** After the grace, how long it may take to let go of connections that were cut. */
const CUT_LIMIT_MS = 3000;

/**
 * Ends the process on SIGTERM and SIGINT: readiness turns, requests under way finish within `graceMs`, the app
 * closes, then the database of its own, exit 0. A second signal exits at once with 1.
 * Nest's shutdown hooks end by the signal itself, which would leave an embedded PostgreSQL behind.
 */
export function stopOnSignal(
  logger: Logger,
  graceMs: number,
  app: () => NestFastifyApplication | undefined,
  database: { stop(): Promise<void> },
): { readonly requested: boolean } {
  const state = { requested: false };
  const onSignal = (signal: NodeJS.Signals) => {
    if (state.requested) process.exit(1);
    state.requested = true;
    logger.info({ signal }, 'Shutting down');
    closeApp(app(), graceMs, logger)
      .then(() => database.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'The shutdown failed');
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return state;
}

async function closeApp(app: NestFastifyApplication | undefined, graceMs: number, logger: Logger): Promise<void> {
  if (!app) return;
  app.get(Lifecycle, { strict: false }).stop();
  const closing = app.close().then(() => true);
  if (await Promise.race([closing, sleep(graceMs, false)])) return;
  logger.warn(`Requests were still running after SHUTDOWN_GRACE_MS (${graceMs} ms); their connections are cut`);
  app.getHttpServer().closeAllConnections();
  await Promise.race([closing, sleep(CUT_LIMIT_MS)]);
}
