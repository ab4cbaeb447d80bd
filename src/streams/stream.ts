import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { EVENT_STREAM_HEADERS, EVENTS } from '../http/answer/event-stream';
import type { Principal } from '../organizations';
import type { Target } from '../threads';

/** Who opened a stream, and of what. */
export interface StreamOwner {
  readonly principal: Principal;
  readonly target: Target;
  /** What they presented; absent where no credentials were needed. */
  readonly authorization?: string;
}

/** A stream that is under way. */
export interface Watched extends StreamOwner {
  readonly threadId: string;
  /** The thread was seen at this version, at this second of the database. */
  seen(version: number, at: number): void;
  /** There may be something new. */
  wake(): void;
  /** Says with which error a request would now be answered, and ends. */
  end(code: string): void;
  /** Ends without a word: the client comes back, to another instance. */
  close(): void;
}

/** Who opens a stream, with what they present: it is looked at again as long as the stream lasts. */
export const Credentials = createParamDecorator((_: unknown, context: ExecutionContext): StreamCredentials => {
  const { principal, headers } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new Error('A public route has no principal');
  return { principal, authorization: headers.authorization };
});

export type StreamCredentials = Omit<StreamOwner, 'target'>;

/** The header with which a client goes on after a broken connection. */
export const LastEventId = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined => {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['last-event-id'];
  return header === undefined ? undefined : String(header);
});

/** Documents a route that answers with events. */
export const ApiEvents = (description: string) =>
  applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description: 'Goes on behind this event: exactly there, on any instance.',
    }),
    ApiOkResponse({ description, content: { [EVENTS]: { schema: { type: 'string' } } } }),
  );

/** Sends a body of events. */
export function answerEvents(reply: FastifyReply, body: Readable): Readable {
  void reply.headers(EVENT_STREAM_HEADERS);
  return body;
}
