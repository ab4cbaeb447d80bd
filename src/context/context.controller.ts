import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id } from '../http/request/decorators';
import { SessionId } from '../sessions/opening/session-id';
import { OwnerQuery } from '../sessions/sessions.dto';
import { isOthers, SharedSessionsService } from '../sessions/shared/shared-sessions.service';
import { ContextQuery, ContextRequest, ContextView, SessionContextQuery } from './context.dto';
import { type Context, ContextService, inFormat } from './context.service';

/** What to send to the model next. */
@ApiTags('context')
@Controller()
export class ContextController {
  constructor(
    private readonly context: ContextService,
    private readonly shared: SharedSessionsService,
  ) {}

  @Get('sessions/:id/context')
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'sessionContext',
    summary: "What to send to the model next, within the session's budget",
  })
  @ApiOkResponse({ type: ContextView })
  async ofSession(
    @Caller() caller: Principal,
    @SessionId({ mayBeShared: true }) id: string,
    @Query() { owner_id, ...query }: SessionContextQuery,
  ) {
    return inFormat(await this.build(caller, id, query, owner_id), query.format);
  }

  @Post('sessions/:id/context')
  @HttpCode(200)
  @Access('sessions:read')
  @ApiOperation({ operationId: 'buildSessionContext', summary: 'The same with a body; nothing is stored' })
  @ApiOkResponse({ type: ContextView })
  async buildOfSession(
    @Caller() caller: Principal,
    @SessionId({ mayBeShared: true }) id: string,
    @Query() { owner_id }: OwnerQuery,
    @Body() body: ContextRequest,
  ) {
    return inFormat(await this.build(caller, id, body, owner_id), body.format);
  }

  @Get('threads/:id/context')
  @Access('threads:read')
  @ApiOperation({ operationId: 'threadContext', summary: 'What to send to the model next, of a thread' })
  @ApiOkResponse({ type: ContextView })
  async ofThread(@Caller() caller: Principal, @Id('id') id: string, @Query() query: ContextQuery) {
    return inFormat(await this.context.ofThread(caller, id, query), query.format);
  }

  @Post('threads/:id/context')
  @HttpCode(200)
  @Access('threads:read')
  @ApiOperation({ operationId: 'buildThreadContext', summary: 'The same with a body; nothing is stored' })
  @ApiOkResponse({ type: ContextView })
  async buildOfThread(@Caller() caller: Principal, @Id('id') id: string, @Body() body: ContextRequest) {
    return inFormat(await this.context.ofThread(caller, id, body), body.format);
  }

  /** A session that is shared is read as its thread: what is remembered for the owner's session is not the caller's (C48). */
  private async build(caller: Principal, id: string, request: ContextRequest, ownerId?: string): Promise<Context> {
    if (!isOthers(caller, ownerId)) return this.context.ofSession(caller, id, request);
    const threadId = await this.shared.threadOf(caller, ownerId, id);
    return { session_id: id, ...(await this.context.ofThread(caller, threadId, request)) };
  }
}
