import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { inForeignCluster, NoWorkerLeft, type Served, type WorkerLink, workerLink, Workers } from './workers';
import { type Config, ConfigError, loadConfig, loadEnvFile } from './config/config';
import { connectionsOf, wholeOf } from './config/process-shares';
import { migrate } from './database/migrate';
import { type OpenDatabase, openDatabase } from './database/open-database';
import { inspectDatabase } from './database/server-facts';
import { makeLogger } from './http/server/logger';
import { assertPortFree } from './http/server/port';
import { closeApp, stopOnSignal } from './http/server/shutdown';
import { warmUp } from './tokens';

const WARM_UP_AFTER_MS = 500;

interface Start {
  config: Config;
  logger: Logger;
}

async function main(): Promise<void> {
  // A worker has the environment of the first process, with what the file has added to it.
  if (!workerLink) loadEnvFile();
  const config = loadConfig();
  const logger = makeLogger(config.env.LOG_LEVEL);
  failOnUnhandled(logger);
  await start({ config, logger }, workerLink).catch((error: unknown) => {
    if (error instanceof ConfigError) throw error;
    const what = error instanceof NoWorkerLeft ? 'The server gave up' : 'The server did not start';
    logger.fatal({ err: error }, `${what}: ${(error as Error).message}`);
    process.exit(1);
  });
}

function start(start: Start, link: WorkerLink | undefined): Promise<void> {
  if (link) return serveAsWorker(start, link);
  return start.config.env.WORKERS === 1 ? serveAlone(start) : serveByWorkers(start);
}

/** The database and the server in this one process. */
async function serveAlone({ config, logger }: Start): Promise<void> {
  const opening = open({ config, logger }, () => void loadApp().catch(() => undefined));
  let app: NestFastifyApplication | undefined;
  const ending = stopOnSignal(logger, {
    close: () => closeApp(app, config.shutdown, logger),
    stopDatabase: () => stopOpened(opening),
  });
  try {
    app = await makeApp({ config, logger }, await prepare(await opening, { config, logger }));
    announce(await listen(app, config), { config, logger });
  } catch (error) {
    // A signal during the start is being served already, and has closed what this was about to use.
    if (ending.requested) return;
    await app?.close().catch(() => undefined);
    await stopOpened(opening);
    throw error;
  }
}

/** The database here, and the server in processes that share the port. */
async function serveByWorkers({ config, logger }: Start): Promise<void> {
  const { delayMs, graceMs } = config.shutdown;
  if (inForeignCluster) {
    throw new ConfigError(['WORKERS must be 1 where a process manager starts the processes (cluster mode of PM2)']);
  }
  const opening = open({ config, logger });
  const workers = new Workers({ count: config.env.WORKERS, graceMs: delayMs + graceMs, logger });
  const ending = stopOnSignal(logger, {
    close: () => workers.stop(),
    stopDatabase: () => stopOpened(opening),
    abandon: () => workers.abandon(),
  });
  try {
    await workers.run(await prepare(await opening, { config, logger }), (url) => announce(url, { config, logger }));
  } catch (error) {
    if (ending.requested) return;
    await workers.stop();
    await stopOpened(opening);
    throw error;
  }
}

/** The server alone; the first process has the rest. */
async function serveAsWorker({ config, logger }: Start, link: WorkerLink): Promise<void> {
  let app: NestFastifyApplication | undefined;
  const ending = stopOnSignal(logger, {
    close: () => closeApp(app, config.shutdown, logger),
    stopDatabase: () => Promise.resolve(),
  });
  link.onEnd((reason) => ending.begin(reason));
  try {
    app = await makeApp({ config, logger }, await link.served);
    link.ready(await listen(app, config));
  } catch (error) {
    if (!ending.requested) throw error;
  }
}

/** @param meanwhile what to do while PostgreSQL starts in a process of its own */
async function open({ config, logger }: Start, meanwhile?: () => void): Promise<OpenDatabase> {
  // Before the database: a second start by mistake must not touch the one that serves the first.
  if (!inForeignCluster) await assertPortFree(config.env.HOST, config.env.PORT);
  const onLost = (error: Error) => {
    logger.fatal({ err: error }, `The server gave up: ${error.message}`);
    process.exit(1);
  };
  return openDatabase(config, { log: (message) => logger.info(message), meanwhile, onLost });
}

/** An embedded PostgreSQL, also one that still starts, would run on without this process. */
async function stopOpened(opening: Promise<OpenDatabase>): Promise<void> {
  const database = await opening.catch(() => undefined);
  await database?.stop();
}

/** The schema is up to date, and the operator knows if the connections are more than wanted, or than there are. */
async function prepare(database: OpenDatabase, { config, logger }: Start): Promise<Served> {
  const done = await migrate(database);
  if (done.length > 0) logger.info({ migrations: done }, 'The schema was brought up to date');
  const { prepared, connections = Infinity, undurable } = await inspectDatabase(config, database.url);
  if (undurable.length > 0) requireDurable(undurable, { config, logger });
  const most = config.env.WORKERS * connectionsOf(config.env);
  const whole = wholeOf(config.env);
  if (most > connections) {
    logger.warn(
      `Up to ${most} connections, and PostgreSQL has ${connections} (max_connections): lower DB_POOL_SIZE + DB_MAX_OVERFLOW or WORKERS`,
    );
  }
  if (most > whole) {
    logger.warn(`Up to ${most} connections, not ${whole} (DB_POOL_SIZE + DB_MAX_OVERFLOW): each worker needs some`);
  }
  return { database: database.url, prepared };
}

/** What is acknowledged is kept: PostgreSQL must not say so before it has written it. */
function requireDurable(undurable: string[], { config, logger }: Start): void {
  const why = `PostgreSQL would lose acknowledged messages in a crash: ${undurable.join(', ')} off`;
  if (config.production) throw new Error(`${why}. Turn it on (ALTER SYSTEM SET … = on), or leave NODE_ENV=production`);
  logger.warn(`${why}. With NODE_ENV=production the server would not start`);
}

/** Not with this file: the first of several processes starts sooner without it, and in less memory. */
const loadApp = () => import('./app.setup.js');

async function makeApp({ config, logger }: Start, { database, prepared }: Served): Promise<NestFastifyApplication> {
  const { createApp } = await loadApp();
  return createApp(config, database, { logger, prepared });
}

async function listen(app: NestFastifyApplication, { env }: Config): Promise<string> {
  await app.listen(env.PORT, env.HOST);
  // The first answer does not wait for it.
  setTimeout(warmUp, WARM_UP_AFTER_MS).unref();
  return app.getUrl();
}

function announce(url: string, { config, logger }: Start): void {
  const docs = config.env.API_REFERENCE === 'on' ? `${url}/api/docs` : undefined;
  logger.info({ url, docs }, `Throughline is ready on ${url}${docs ? ` (API reference: ${docs})` : ''}`);
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
