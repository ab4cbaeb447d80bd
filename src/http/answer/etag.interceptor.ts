import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { readIfNoneMatch } from '../request/decorators';

interface Versioned {
  version?: number;
}

/** Answers a versioned resource with its version as `ETag` (design 5). */
@Injectable()
export class ETagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<Versioned>): Observable<unknown> {
    return next.handle().pipe(map((body) => tag(replyOf(context), body)));
  }
}

/** The reference of a read that answers 304. */
export const ApiNotModified = () =>
  applyDecorators(
    ApiHeader({ name: 'If-None-Match', required: false, description: 'The ETag of what the caller has.' }),
    ApiResponse({ status: 304, description: 'The caller has it: nothing changed since.' }),
  );

/**
 * The same, and a read of what the caller has already is 304: for what shows nothing that changes without its version, and
 * under a name that is never used again. Not an interceptor, since it is for the hottest read.
 * @returns what is to be sent
 */
export function answerUnlessKnown<T extends Versioned>(reply: FastifyReply, body: T): T | undefined {
  // A cache of one user's may keep it, and asks each time.
  void reply.header('cache-control', 'private, no-cache');
  tag(reply, body);
  if (!isKnown(reply.request, body?.version)) return body;
  void reply.status(304);
  return undefined;
}

function isKnown(request: FastifyRequest, version: number | undefined): boolean {
  const { method, headers } = request;
  if (method !== 'GET' || version === undefined) return false;
  // Whoever sends a star has it in whichever version (RFC 9110, 13.1.2).
  return headers['if-none-match']?.trim() === '*' || readIfNoneMatch(request).includes(version);
}

function tag<T extends Versioned>(reply: FastifyReply, body: T): T {
  if (body?.version !== undefined) void reply.header('etag', `"${body.version}"`);
  return body;
}

const replyOf = (context: ExecutionContext) => context.switchToHttp().getResponse<FastifyReply>();
