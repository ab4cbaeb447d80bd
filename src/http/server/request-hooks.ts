import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { sendProblem, toProblem } from '../answer/problem.filter';
import { streamsBody } from './body-parser';
import { httpErrors } from './http.errors';
import type { Lifecycle } from './lifecycle';

/** Paths of probes and scrapers: too many and too dull for the log while they succeed. */
const QUIET = /^\/(api\/health|metrics)/;
const IDS_WORTH_A_LINE = ['id', 'thread_id', 'session_id'];

/** For the whole request to arrive: enough for 10 MB at 1 Mbit/s, too little for a slow-loris attack to last. */
const ARRIVAL_MS = 120_000;
/** For the client to read an answer that came before the whole body had arrived. */
const LINGER_MS = 5000;
const SMALL_BODY_BYTES = 64 * 1024;

/** What every answer tells a browser: take it for what it says it is, load nothing, stand in no frame, tell nobody where you were. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

/** Answers of the API are somebody's data: no cache keeps them, unless a route says otherwise. */
const API_HEADERS = { ...SECURITY_HEADERS, 'cache-control': 'no-store' };

/** What happens around every request: its id on the answer, one line in the log, and the end of service. */
export function registerRequestHooks(fastify: FastifyInstance, lifecycle: Lifecycle): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    // Pages and routes with a policy of their own replace these.
    reply.headers(request.url.startsWith('/api') ? API_HEADERS : SECURITY_HEADERS).header('x-request-id', request.id);
    limitArrival(request, reply);
    const twice = duplicateIn(request.raw.rawHeaders);
    if (twice !== undefined) return sendProblem(httpErrors.DUPLICATE_HEADER(twice), request, reply);
    // The body of what leads nowhere is not read.
    if (request.is404) return sendProblem(toProblem({ statusCode: 404 }, request), request, reply);
    // The health routes still answer: a probe must see "not ready", not "gone".
    if (!lifecycle.stopping || routeOf(request).startsWith('/api/health')) return done();
    const headers = { connection: 'close', 'retry-after': '1' };
    sendProblem(httpErrors.SHUTTING_DOWN().with({ headers }), request, reply);
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const unread = !request.raw.complete && hasMuch(request);
    // A connection that stays open would be used again when this instance is gone; behind a body that nobody reads, nothing comes.
    if (lifecycle.leaving || unread) reply.header('connection', 'close');
    if (unread) lingerOn(request.raw.socket);
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    // Answered, and the body still drips in: with nobody waiting for it, it would drip for ever.
    if (!request.raw.complete) setTimeout(() => request.raw.complete || request.raw.destroy(), LINGER_MS).unref();
    done();
  });
}

/** Whether too much may still come: a short body that nobody reads is dropped by Node, and the next request can follow. */
const hasMuch = ({ headers }: FastifyRequest) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > SMALL_BODY_BYTES;

/**
 * Closes a connection in the way that the client still reads its answer: it may be sending, and a socket that is closed
 * with bytes unread takes the answer away from it. Node calls `destroySoon` behind the last answer.
 */
function lingerOn(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(cut));
  };
}

/** Where two of them could mean two different things to a proxy and to this server. */
const SINGLE_HEADERS = new Set(['authorization', 'x-user-id', 'host']);
const SINGLE_LENGTHS = new Set([...SINGLE_HEADERS].map(({ length }) => length));

/** The header among those that was sent twice. @param raw names and values in turn */
function duplicateIn(raw: string[]): string | undefined {
  const seen: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!SINGLE_LENGTHS.has(raw[i].length)) continue;
    const name = raw[i].toLowerCase();
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.includes(name)) return name;
    seen.push(name);
  }
  return undefined;
}

/** Refuses a body that takes too long to arrive; who reads it line by line has a limit of its own. */
function limitArrival(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request;
  const hasBody = raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined;
  if (!hasBody || streamsBody(request)) return;
  const timer = setTimeout(() => {
    if (raw.complete || reply.raw.writableFinished) return;
    reply.raw.once('finish', () => raw.destroy());
    sendProblem(httpErrors.REQUEST_TIMEOUT().with({ headers: { connection: 'close' } }), request, reply);
  }, ARRIVAL_MS).unref();
  raw.once('close', () => clearTimeout(timer));
}

/** The pattern of the route, such as `/api/threads/:id`: bounded in number, and free of anybody's ids. */
export const routeOf = (request: FastifyRequest): string =>
  request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');

/** Never the URL, the query, a header or the body (X12). */
function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const status = reply.statusCode;
  const route = routeOf(request);
  const level = status >= 500 ? 'warn' : QUIET.test(route) ? 'debug' : 'info';
  if (!(request.log as Logger).isLevelEnabled(level)) return;
  const line = {
    request_id: request.id,
    method: request.method,
    route,
    status,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    org: request.principal?.orgId,
    user: request.principal?.userId,
    aborted: reply.raw.writableFinished ? undefined : true,
  };
  if (status >= 500) request.log.warn({ ...line, ...idsOf(request) }, 'request failed');
  else request.log[level](line, 'request');
}

/** A failed save is looked for by the thread or session that it was for (P49). */
function idsOf(request: FastifyRequest): Record<string, string> {
  const params = (request.params ?? {}) as Record<string, string>;
  return Object.fromEntries(
    IDS_WORTH_A_LINE.flatMap((name) => (params[name] ? [[name, params[name].slice(0, 255)]] : [])),
  );
}
