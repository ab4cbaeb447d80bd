import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth';
import { ConversationTarget, eitherOf, type Target } from '../../threads';
import { answerEvents, ApiEvents, Credentials, LastEventId, type StreamCredentials } from '../stream';
import { LiveQuery } from '../streams.dto';
import { LiveService } from './live.service';

const LIVE_EVENTS =
  '`ready` {thread_id, seq, version}: from here on nothing is missed. Then `appended` {message}, `edited` and `restored` ' +
  '{messages}, `deleted` {seqs}, each with an id to go on from; `reset` {seq, version}: read the messages anew; `end` {code}: ' +
  'the thread is no longer in sight, or the credentials no longer hold.';

/** What happens in a conversation: the same route of threads and of sessions. */
function eventRoutes(by: Target['by']) {
  const either = eitherOf(by);

  @ApiTags(either('messages', 'sessions'))
  @Controller(either('threads/:id', 'sessions/:id'))
  class EventsController {
    constructor(readonly live: LiveService) {}

    @Get('events')
    @Access(either('messages:read', 'sessions:read'))
    @ApiOperation(
      either(
        { operationId: 'threadEvents', summary: 'Follow a thread: its messages as they come and change' },
        { operationId: 'sessionEvents', summary: 'Follow a session: its messages as they come and change' },
      ),
    )
    @ApiEvents(LIVE_EVENTS)
    async follow(
      @Credentials() credentials: StreamCredentials,
      @ConversationTarget(by) target: Target,
      @LastEventId() lastEventId: string | undefined,
      @Query() query: LiveQuery,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const start = { lastEventId: lastEventId || query.last_event_id, fromSeq: query.from_seq };
      return answerEvents(reply, await this.live.follow({ ...credentials, target }, start));
    }
  }
  return EventsController;
}

export const ThreadEventsController = eventRoutes('thread');
export const SessionEventsController = eventRoutes('session');
