import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { OwnerQuery } from '../sessions';
import { ConversationTarget, type SharedSession, type Target } from '../threads';
import { ContextQuery, ContextRequest, ContextView, SessionContextQuery } from './context.dto';
import { ContextService, inFormat } from './context.service';

/** What to send to the model next. */
@ApiTags('context')
@Controller()
export class ContextController {
  constructor(private readonly context: ContextService) {}

  @Get('sessions/:id/context')
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'sessionContext',
    summary: "What to send to the model next, within the session's budget",
  })
  @ApiOkResponse({ type: ContextView })
  async ofSession(
    @Caller() principal: Principal,
    @ConversationTarget('shared') session: Target | SharedSession,
    @Query() query: SessionContextQuery,
  ) {
    return inFormat(await this.context.of(principal, session, query), query.format);
  }

  @Post('sessions/:id/context')
  @HttpCode(200)
  @Access('sessions:read')
  @ApiOperation({ operationId: 'buildSessionContext', summary: 'The same with a body; nothing is stored' })
  @ApiOkResponse({ type: ContextView })
  async buildOfSession(
    @Caller() principal: Principal,
    @ConversationTarget('shared') session: Target | SharedSession,
    @Query() _query: OwnerQuery,
    @Body() body: ContextRequest,
  ) {
    return inFormat(await this.context.of(principal, session, body), body.format);
  }

  @Get('threads/:id/context')
  @Access('threads:read')
  @ApiOperation({ operationId: 'threadContext', summary: 'What to send to the model next, of a thread' })
  @ApiOkResponse({ type: ContextView })
  async ofThread(
    @Caller() principal: Principal,
    @ConversationTarget('thread') thread: Target,
    @Query() query: ContextQuery,
  ) {
    return inFormat(await this.context.of(principal, thread, query), query.format);
  }

  @Post('threads/:id/context')
  @HttpCode(200)
  @Access('threads:read')
  @ApiOperation({ operationId: 'buildThreadContext', summary: 'The same with a body; nothing is stored' })
  @ApiOkResponse({ type: ContextView })
  async buildOfThread(
    @Caller() principal: Principal,
    @ConversationTarget('thread') thread: Target,
    @Body() body: ContextRequest,
  ) {
    return inFormat(await this.context.of(principal, thread, body), body.format);
  }
}
