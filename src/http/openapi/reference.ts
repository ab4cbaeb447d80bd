import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { buildOpenApi } from './openapi';
import { REFERENCE_POLICY, REFERENCE_SCRIPT, REFERENCE_STYLE, referencePage } from './reference-page';

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', png: 'image/png' };
/** Of the viewer's package. */
const VIEWER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
/** They change with a version of the server. */
const CACHE = 'public, max-age=3600';

const modules = createRequire(__filename);

/** The reference for people at `/api/docs`, for programs at `/api/docs-json`; both without credentials. */
export function serveReference(app: INestApplication, fastify: FastifyInstance): void {
  let text: string | undefined;
  // Built when first asked for: it costs more than the rest of the start.
  const document = () => (text ??= JSON.stringify(buildOpenApi(app)));
  fastify.get('/api/docs-json', (_request, reply) => reply.type('application/json; charset=utf-8').send(document()));
  fastify.get('/api/docs', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .headers({ 'content-security-policy': REFERENCE_POLICY, 'x-content-type-options': 'nosniff' })
      .send(referencePage()),
  );
  fastify.get('/api/docs/', (_request, reply) => reply.redirect('../docs', 308));
  const serve = (name: string, read: () => string | Promise<Buffer>) =>
    fastify.get(`/api/docs/${name}`, async (_request, reply) => {
      const type = TYPES[name.split('.').at(-1) as keyof typeof TYPES];
      return reply
        .type(type)
        .headers({ 'cache-control': CACHE, 'x-content-type-options': 'nosniff' })
        .send(await read());
    });
  serve('reference.js', () => REFERENCE_SCRIPT);
  serve('reference.css', () => REFERENCE_STYLE);
  for (const name of VIEWER_FILES) serve(name, () => readFile(modules.resolve(`swagger-ui-dist/${name}`)));
}
