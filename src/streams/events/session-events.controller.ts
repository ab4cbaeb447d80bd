import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth/access';
import { bySession } from '../../threads/thread-access';
import { SessionId } from '../../sessions/opening/session-id';
import { answerEvents, ApiEvents, LastEventId, LIVE_EVENTS, StreamCaller, type StreamCredentials } from './live-answer';
import { LiveQuery } from '../live.dto';
import { SessionStreamsService } from './session-streams.service';

/** What happens in one session. */
@ApiTags('sessions')
@Controller('sessions/:id')
export class SessionEventsController {
  constructor(private readonly streams: SessionStreamsService) {}

  @Get('events')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'sessionEvents', summary: 'Follow a session: its messages as they come and change' })
  @ApiEvents(LIVE_EVENTS)
  async follow(
    @StreamCaller() caller: StreamCredentials,
    @SessionId() id: string,
    @LastEventId() lastEventId: string | undefined,
    @Query() query: LiveQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const start = { lastEventId: lastEventId || query.last_event_id, fromSeq: query.from_seq };
    return answerEvents(reply, await this.streams.follow({ ...caller, target: bySession(id) }, start));
  }
}
