import { createParamDecorator, type ExecutionContext, applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { idempotencyErrors } from './idempotency.errors';

/** The request's `Idempotency-Key`: marks it as the repetition of an earlier one. */
export interface IdempotencyKey {
  readonly key: string;
  /** SHA-256 of method, path and body: the same key for another request is an error. */
  readonly requestHash: Buffer;
}

/**
 * The request's `Idempotency-Key`; `undefined` without one.
 * @throws IDEMPOTENCY_KEY_INVALID
 */
export function readIdempotencyKey({ headers, method, url, body }: FastifyRequest): IdempotencyKey | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) throw idempotencyErrors.IDEMPOTENCY_KEY_INVALID();
  const parts = JSON.stringify([method, url, body ?? null]);
  return { key, requestHash: createHash('sha256').update(parts).digest() };
}

/** `readIdempotencyKey` in a handler's parameters. */
export const IdempotencyKeyHeader = createParamDecorator((_: unknown, context: ExecutionContext) =>
  readIdempotencyKey(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** Documents the header on a route that takes it. */
export const ApiIdempotencyKey = () =>
  applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Same key and request again: the first answer, and nothing is done twice. Another request: 422.',
    }),
  );
