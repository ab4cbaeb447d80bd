import type { FastifyInstance } from 'fastify';

/** What every answer tells a browser: take it for what it says it is, load nothing, stand in no frame, tell nobody where you were. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

/** Answers of the API are somebody's data: no cache keeps them, unless a route says otherwise. */
const API_HEADERS = { ...SECURITY_HEADERS, 'cache-control': 'no-store' };

/** Sets the headers before anything else does: pages and routes with a policy of their own replace them. */
export function registerSecurityHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const isPage = !request.url.startsWith('/api');
    reply.headers(isPage ? SECURITY_HEADERS : API_HEADERS);
    done();
  });
}
