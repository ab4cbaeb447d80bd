import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { ConversationTarget, eitherOf, type Target } from '../../threads';
import { answerEvents, ApiEvents, Credentials, LastEventId, type StreamCredentials } from '../stream';
import { ReplayBody, ReplayQuery, SessionReplay } from '../streams.dto';
import { ReplayService } from './replay.service';

const replayEvents = (what: string) =>
  `\`turn\` {index, continued, messages}, then \`end\` {turns}; with {code} if the ${what} went out of sight.`;

/** A conversation once more, turn by turn: the same route of threads and of sessions. */
function replayRoutes(by: Target['by']) {
  const either = eitherOf(by);

  @ApiTags(either('messages', 'sessions'))
  @Controller(either('threads/:id', 'sessions/:id'))
  class ReplayController {
    constructor(readonly replays: ReplayService) {}

    @Get('replay')
    @Access(either('messages:read', 'sessions:read'))
    @ApiOperation(
      either(
        { operationId: 'replayThread', summary: 'Replay a thread, turn by turn, at its own pace or faster' },
        { operationId: 'replaySession', summary: 'Replay a session, turn by turn, at its own pace or faster' },
      ),
    )
    @ApiEvents(replayEvents(by))
    async replay(
      @Credentials() credentials: StreamCredentials,
      @ConversationTarget(by) target: Target,
      @LastEventId() lastEventId: string | undefined,
      @Query() query: ReplayQuery,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const from = { ...query, last_event_id: lastEventId || query.last_event_id };
      return answerEvents(reply, await this.replays.stream({ ...credentials, target }, from));
    }
  }
  return ReplayController;
}

export const ThreadReplayController = replayRoutes('thread');
export const SessionReplayController = replayRoutes('session');

/** The turns of a session as one answer, which threads do not have. */
@ApiTags('sessions')
@Controller('sessions/:id')
export class ReplayListController {
  constructor(private readonly replays: ReplayService) {}

  @Post('replay')
  @HttpCode(200)
  @Access('sessions:read')
  @ApiOperation({ operationId: 'listTurns', summary: 'The turns of a session in order; the session stays as it is' })
  @ApiOkResponse({ type: SessionReplay })
  list(@Caller() principal: Principal, @ConversationTarget('session') { id }: Target, @Body() body: ReplayBody) {
    return this.replays.listSession(principal, id, body);
  }
}
