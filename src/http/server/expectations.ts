import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newId } from '../../common/ids';
import { commonErrors } from '../../common/errors';
import { PROBLEM_TYPE, problemText } from '../answer/problem.filter';
import { httpErrors } from './http.errors';
import { SECURITY_HEADERS } from './request-hooks';

/**
 * The `Expect` header. A client that waits for "100 Continue" before it sends its body gets it only when the request was let
 * in and the body is not too large; any other expectation is 417. To be registered behind the hooks that let a request in.
 */
export function registerExpectations(fastify: FastifyInstance): void {
  const { server } = fastify;
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  server.on('checkExpectation', refuse);
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.headers.expect === undefined) return done();
    const { bodyLimit } = request.routeOptions;
    if (Number(request.headers['content-length']) > bodyLimit) return done(commonErrors.BODY_TOO_LARGE(bodyLimit));
    reply.raw.writeContinue();
    done();
  });
}

function refuse(_request: IncomingMessage, response: ServerResponse): void {
  const id = newId();
  const problem = httpErrors.EXPECTATION_FAILED();
  const text = problemText(problem, id);
  const about = { 'content-type': PROBLEM_TYPE, 'content-length': Buffer.byteLength(text), 'x-request-id': id };
  response.writeHead(problem.status, { ...SECURITY_HEADERS, ...about, connection: 'close' }).end(text);
}
