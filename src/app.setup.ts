import { RequestMethod } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module';
import { AuthGuard } from './auth';
import { checkSchedule } from './cleanup';
import { serializeAnswer } from './http/answer/json-text';
import { ProblemFilter } from './http/answer/problem.filter';
import { QueryGuard } from './http/request/query.guard';
import { ValidationPipe } from './http/request/validation.pipe';
import { type Config, loadConfig } from './config/config';
import { MetricsService } from './metrics';
import { bodyLimits, registerBodyParser } from './http/server/body-parser';
import { registerExpectations } from './http/server/expectations';
import { fastifyOptions } from './http/server/fastify-options';
import { Lifecycle } from './http/server/lifecycle';
import { makeLogger, NestLogger } from './http/server/logger';
import { serveReference } from './http/openapi/reference';
import { registerRequestHooks } from './http/server/request-hooks';

interface AppOptions {
  logger?: Logger;
  /** Only the shape of the app, for its API reference: nothing is instantiated or connected. */
  preview?: boolean;
  /** Whether statements may be prepared by their names; unless told, they are. */
  prepared?: boolean;
}

/**
 * The app with everything around its routes; it does not listen yet.
 * @param url of a database whose schema is up to date
 * @throws when the database cannot be reached, or ConfigError
 */
export async function createApp(
  config: Config,
  url: string,
  options: AppOptions = {},
): Promise<NestFastifyApplication> {
  const { logger = makeLogger(config.env.LOG_LEVEL), preview = false, prepared } = options;
  checkSchedule(config);
  const adapter = new FastifyAdapter({ ...fastifyOptions(config, logger), skipMiddie: true });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.for(config, url, prepared), adapter, {
    logger: new NestLogger(logger),
    // Ours is the only one; Nest's would take forms too.
    bodyParser: false,
    // The caller decides what a failed start means; Nest would end the process.
    abortOnError: false,
    preview,
  });
  app.setGlobalPrefix('api', {
    exclude: [
      { path: '/', method: RequestMethod.GET },
      { path: 'metrics', method: RequestMethod.GET },
      { path: 'mcp', method: RequestMethod.ALL },
    ],
  });
  app.useGlobalGuards(new QueryGuard());
  app.useGlobalPipes(new ValidationPipe());
  app.useGlobalFilters(new ProblemFilter());
  if (preview) return app;
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.setReplySerializer(serializeAnswer);
  registerBodyParser(fastify, bodyLimits(config.env));
  registerRequestHooks(fastify, app.get(Lifecycle, { strict: false }));
  app.get(AuthGuard, { strict: false }).register(fastify);
  registerExpectations(fastify);
  app.get(MetricsService, { strict: false }).observe(fastify);
  if (config.env.API_REFERENCE === 'on') serveReference(app, fastify);
  return app;
}

/**
 * The shape of the app, for the documents that are made of it: nothing is instantiated, no database is needed.
 * It has the defaults, not the environment: a document must not depend on who generates it.
 */
export const previewApp = () =>
  createApp(loadConfig({}), 'postgresql://nobody@localhost/none', { logger: makeLogger('error'), preview: true });
