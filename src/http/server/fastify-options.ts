import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';
import type { Logger } from 'pino';
import { commonErrors, type Problem } from '../../common/errors';
import { newId } from '../../common/ids';
import { PROBLEM_TYPE, problemText, sendProblem, titleOf, toProblem } from '../answer/problem.filter';
import type { Config } from '../../config/config';
import { httpErrors } from './http.errors';
import { SECURITY_HEADERS } from './request-hooks';

/** Fastify's options: the limits of a connection, and problem documents also for what fails before a route is found. */
export function fastifyOptions(config: Config, logger: Logger): FastifyServerOptions {
  return {
    loggerInstance: logger,
    // One line of our own instead of two of Fastify's, which hold the URL.
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request, which adds its id, would be made also for the many that log nothing.
    childLoggerFactory: () => logger,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: false,
    // Each route has its own: see `registerBodyParser`.
    bodyLimit: config.env.BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: 2048 },
    // A hook of ours limits how long a request may take to arrive: it knows the routes where that may be long.
    requestTimeout: 0,
    // Longer than the usual 60 s of a load balancer, which otherwise meets connections that close under it.
    keepAliveTimeout: 72_000,
    // Our own hook answers 503, as a problem document.
    return503OnClosing: false,
    frameworkErrors: answerRouterError,
    clientErrorHandler: answerSocketError,
  };
}

/** A malformed URL (`%zz`) or an over-long parameter: no hook has run yet. */
function answerRouterError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
  sendProblem(toProblem(error, request), request, reply);
}

/** Bytes that are no HTTP request: there is nothing to route, only a socket to answer on. */
function answerSocketError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const problem = socketProblem(error.code);
  const id = newId();
  const body = problemText(problem, id);
  const headers = { ...SECURITY_HEADERS, 'content-type': PROBLEM_TYPE, 'x-request-id': id, connection: 'close' };
  const head = [
    `HTTP/1.1 ${problem.status} ${titleOf(problem)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function socketProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return httpErrors.HEADERS_TOO_LARGE();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return httpErrors.REQUEST_TIMEOUT();
  return commonErrors.BAD_REQUEST('This is not an HTTP request.');
}

const ACCEPTED_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's `X-Request-Id` if it may stand in a header and in a log line, else a new one. */
function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && ACCEPTED_ID.test(id) ? id : newId();
}
