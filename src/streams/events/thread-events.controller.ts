import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth/access';
import { Id } from '../../http/request/decorators';
import { byThread } from '../../threads/thread-access';
import { toMessageView } from '../../messages/read/messages.service';
import { answerEvents, ApiEvents, LastEventId, LIVE_EVENTS, StreamCaller, type StreamCredentials } from './live-answer';
import { LiveQuery } from '../live.dto';
import { LiveService } from './live.service';

/** What happens to one thread. */
@ApiTags('messages')
@Controller('threads/:id')
export class ThreadEventsController {
  constructor(private readonly live: LiveService) {}

  @Get('events')
  @Access('messages:read')
  @ApiOperation({ operationId: 'threadEvents', summary: 'Follow a thread: its messages as they come and change' })
  @ApiEvents(LIVE_EVENTS)
  async follow(
    @StreamCaller() caller: StreamCredentials,
    @Id('id') id: string,
    @LastEventId() lastEventId: string | undefined,
    @Query() query: LiveQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const start = { lastEventId: lastEventId || query.last_event_id, fromSeq: query.from_seq };
    return answerEvents(reply, await this.live.follow({ ...caller, target: byThread(id) }, start, toMessageView));
  }
}
