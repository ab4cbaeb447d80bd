import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiOkResponse, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { type IdempotencyKey, readIdempotencyKey } from '../idempotency';
import type { ExportFile } from './export/export.service';
import { ConversationDocument, ImportResult } from './transfer.dto';
import { transferErrors } from './transfer.errors';

/** The request's `Idempotency-Key`. @throws IDEMPOTENCY_KEY_INVALID, IMPORT_KEY_WITHOUT_BODY */
export const ImportIdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): IdempotencyKey | undefined => {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!(request.body instanceof Readable)) return readIdempotencyKey(request);
    if (request.headers['idempotency-key'] !== undefined) throw transferErrors.IMPORT_KEY_WITHOUT_BODY();
    return undefined;
  },
);

/** Aborted when the client leaves before its answer. */
export function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** Sends a file as an attachment, as it is being written. */
export function send(reply: FastifyReply, file: ExportFile): Readable {
  void reply.headers({
    'content-type': file.contentType,
    'content-disposition': `attachment; filename="${file.name}"`,
    'cache-control': 'no-store',
  });
  return file.stream;
}

/** Runs an import, and gives its answer the right status. What is left of the body is not waited for. */
export async function answer(
  body: unknown,
  reply: FastifyReply,
  work: () => Promise<ImportResult>,
): Promise<ImportResult> {
  try {
    const result = await work();
    void reply.status(result.dry_run ? 200 : 201);
    return result;
  } finally {
    if (body instanceof Readable && !body.readableEnded) void reply.header('connection', 'close');
  }
}

/** Documents the answer of an export. */
export const ApiExport = () =>
  applyDecorators(
    ApiExtraModels(ConversationDocument),
    ApiOkResponse({
      description: 'A file, as an attachment. Several conversations are an array in JSON, oldest first.',
      content: {
        'application/json': {
          schema: {
            oneOf: [
              { $ref: getSchemaPath(ConversationDocument) },
              { type: 'array', items: { $ref: getSchemaPath(ConversationDocument) } },
            ],
          },
        },
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/markdown': { schema: { type: 'string' } },
      },
    }),
  );

/** Documents the body and the answers of an import. */
export const ApiImport = () =>
  applyDecorators(
    ApiExtraModels(ConversationDocument),
    ApiBody({
      description:
        'One conversation, an array of them or `{conversations: [...]}`; or lines, one conversation each, of any size. A ' +
        'conversation is an export of ours, an array of messages, `{messages: [...]}` of OpenAI, one of ChatGPT’s ' +
        '`conversations.json`, or a saved state.',
      content: {
        'application/json': {
          schema: {
            oneOf: [
              { $ref: getSchemaPath(ConversationDocument) },
              { type: 'array', items: { type: 'object', additionalProperties: true } },
            ],
          },
          example: { name: 'Hotel search, Tokyo', messages: [{ role: 'user', content: 'Hello' }] },
        },
        'application/x-ndjson': { schema: { type: 'string' } },
      },
    } as never),
    ApiResponse({ status: 201, type: ImportResult, description: 'Some were imported; errors tells of the others.' }),
    ApiResponse({ status: 200, type: ImportResult, description: 'A dry run.' }),
  );
