import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { EVENT_STREAM_HEADERS, EVENTS } from '../../http/answer/event-stream';
import type { StreamOwner } from '../watched';

/** Who opens a stream, with what they present: it is looked at again as long as the stream lasts. */
export const StreamCaller = createParamDecorator((_: unknown, context: ExecutionContext): StreamCredentials => {
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

/** The events of a stream that follows a thread. */
export const LIVE_EVENTS =
  '`ready` {thread_id, seq, version}: from here on nothing is missed. Then `appended` {message}, `edited` and `restored` ' +
  '{messages}, `deleted` {seqs}, each with an id to go on from; `reset` {seq, version}: read the messages anew; `end` {code}: ' +
  'the thread is no longer in sight, or the credentials no longer hold.';

/** Sends a body of events. */
export function answerEvents(reply: FastifyReply, body: Readable): Readable {
  void reply.headers(EVENT_STREAM_HEADERS);
  return body;
}
