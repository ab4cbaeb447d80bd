import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth/access';
import { Id } from '../../http/request/decorators';
import { byThread } from '../../threads/thread-access';
import { answerEvents, ApiEvents, LastEventId, StreamCaller, type StreamCredentials } from '../events/live-answer';
import { toMessageView } from '../../messages/read/messages.service';
import { ReplayQuery } from './replay.dto';
import { ReplayService } from './replay.service';

/** A thread once more, turn by turn. */
@ApiTags('messages')
@Controller('threads/:id')
export class ThreadReplayController {
  constructor(private readonly replays: ReplayService) {}

  @Get('replay')
  @Access('messages:read')
  @ApiOperation({ operationId: 'replayThread', summary: 'Replay a thread, turn by turn, at its own pace or faster' })
  @ApiEvents('`turn` {index, continued, messages}, then `end` {turns}; with {code} if the thread went out of sight.')
  async replay(
    @StreamCaller() caller: StreamCredentials,
    @Id('id') id: string,
    @LastEventId() lastEventId: string | undefined,
    @Query() query: ReplayQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const from = { ...query, last_event_id: lastEventId || query.last_event_id };
    return answerEvents(reply, await this.replays.stream({ ...caller, target: byThread(id) }, from, toMessageView));
  }
}
