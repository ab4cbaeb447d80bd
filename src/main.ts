import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createApp } from './app.setup';
import { type Config, ConfigError, loadConfig, loadEnvFile } from './config/config';
import { migrate } from './database/migrate';
import { openDatabase } from './database/open-database';
import { makeLogger } from './http/logger';
import { assertPortFree } from './http/port';
import { stopOnSignal } from './http/shutdown';

async function main(): Promise<void> {
  loadEnvFile();
  const config = loadConfig();
  const logger = makeLogger(config.env.LOG_LEVEL);
  failOnUnhandled(logger);
  await start(config, logger).catch((error: unknown) => {
    if (error instanceof ConfigError) throw error;
    logger.fatal({ err: error }, `The server did not start: ${(error as Error).message}`);
    process.exit(1);
  });
}

async function start(config: Config, logger: Logger): Promise<void> {
  const { HOST, PORT } = config.env;
  // Before the database: a second start by mistake must not touch the one that serves the first.
  await assertPortFree(HOST, PORT);
  const database = await openDatabase(config, (message) => logger.info(message));
  let app: NestFastifyApplication | undefined;
  const stop = stopOnSignal(logger, config.env.SHUTDOWN_GRACE_MS, () => app, database);
  try {
    const done = await migrate(database);
    if (done.length > 0) logger.info({ migrations: done }, 'The schema was brought up to date');
    app = await createApp(config, database.url, { logger });
    await app.listen(PORT, HOST);
    const url = await app.getUrl();
    logger.info({ url, docs: `${url}/api/docs` }, `Throughline is ready on ${url} (API reference: ${url}/api/docs)`);
  } catch (error) {
    // A signal during the start is being served already, and has closed what this was about to use.
    if (stop.requested) return;
    await app?.close().catch(() => undefined);
    // Not stopped if another process uses it too.
    await database.leave();
    throw error;
  }
}

/** State after an error that nobody foresaw is unknown; the process manager starts a clean one. */
function failOnUnhandled(logger: Logger): void {
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (error: unknown) => {
      logger.fatal({ err: error }, event);
      process.exit(1);
    });
  }
}

main().catch((error: unknown) => {
  // The configuration decides about the log, so that its own errors go to stderr.
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exit(1);
});
