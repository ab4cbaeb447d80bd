import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { readIfMatch } from '../http/request/decorators';
import { readIdempotencyKey } from '../idempotency/idempotency-key';
import type { EditOptions } from './branching.service';

/** What an edit says beside its body: `Idempotency-Key` and `If-Match`. */
export const EditControls = createParamDecorator((_: unknown, context: ExecutionContext): EditOptions => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return { idempotencyKey: readIdempotencyKey(request), ifMatch: readIfMatch(request) };
});
