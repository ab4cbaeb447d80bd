import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth/access';
import { Caller, type Principal } from '../../organizations/principal';
import { bySession } from '../../threads/thread-access';
import { answerEvents, ApiEvents, LastEventId, StreamCaller, type StreamCredentials } from '../events/live-answer';
import { SessionId } from '../../sessions/opening/session-id';
import { ReplayBody, ReplayQuery, SessionReplay } from './replay.dto';
import { SessionReplayService } from './session-replay.service';

/** A session once more, turn by turn. */
@ApiTags('sessions')
@Controller('sessions/:id')
export class SessionReplayController {
  constructor(private readonly replays: SessionReplayService) {}

  @Get('replay')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'replaySession', summary: 'Replay a session, turn by turn, at its own pace or faster' })
  @ApiEvents('`turn` {index, continued, messages}, then `end` {turns}; with {code} if the session went out of sight.')
  async replay(
    @StreamCaller() caller: StreamCredentials,
    @SessionId() id: string,
    @LastEventId() lastEventId: string | undefined,
    @Query() query: ReplayQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const from = { ...query, last_event_id: lastEventId || query.last_event_id };
    return answerEvents(reply, await this.replays.stream({ ...caller, target: bySession(id) }, from));
  }

  @Post('replay')
  @HttpCode(200)
  @Access('sessions:read')
  @ApiOperation({ operationId: 'listTurns', summary: 'The turns of a session in order; the session stays as it is' })
  @ApiOkResponse({ type: SessionReplay })
  list(@Caller() caller: Principal, @SessionId() id: string, @Body() body: ReplayBody) {
    return this.replays.list(caller, id, body);
  }
}
