import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { IfMatch } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { ConversationTarget, type SharedSession, type Target } from '../threads';
import { SessionListService } from './list/session-list.service';
import { SessionSettingsService } from './settings/session-settings.service';
import {
  BatchGetSessions,
  DeletedSession,
  DeletedSessions,
  DeleteSessionsQuery,
  GetSessionQuery,
  ListSessionsQuery,
  OpenSession,
  SessionBatch,
  SessionList,
  SessionView,
  UpdateSession,
} from './sessions.dto';
import { SessionsService } from './sessions.service';

/** Sessions: conversations under names of the caller's choosing, made on first use. */
@ApiTags('sessions')
@UseInterceptors(ETagInterceptor)
@Controller('sessions')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly settings: SessionSettingsService,
    private readonly lists: SessionListService,
  ) {}

  @Post()
  @Access('sessions:write')
  @ApiOperation({ operationId: 'getOrCreateSession', summary: 'Make a session, or go on with it if the id is known' })
  @ApiIdempotencyKey()
  @ApiResponse({ status: 201, type: SessionView, description: 'Made.' })
  @ApiResponse({ status: 200, type: SessionView, description: 'It was there, and nothing of it was reset.' })
  async open(
    @Caller() principal: Principal,
    @Body() body: OpenSession,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    const { created, session } = await this.settings.open(principal, body, idempotencyKey);
    void reply.status(created ? 201 : 200);
    return session;
  }

  @Get()
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'listSessions',
    summary: 'A page of sessions, the active ones by default, last written to first',
  })
  @ApiOkResponse({ type: SessionList })
  list(@Caller() principal: Principal, @Query() query: ListSessionsQuery) {
    return this.lists.list(principal, query);
  }

  @Delete()
  @Access('sessions:write')
  @ApiOperation({ operationId: 'deleteSessionsByPrefix', summary: 'Delete sessions whose ids begin with a text' })
  @ApiOkResponse({ type: DeletedSessions })
  deleteByPrefix(@Caller() principal: Principal, @Query() query: DeleteSessionsQuery) {
    return this.sessions.deleteByPrefix(principal, query);
  }

  @Post('batch-get')
  @HttpCode(200)
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'batchGetSessions',
    summary: 'Several sessions at once, null for those that are not there',
  })
  @ApiOkResponse({ type: SessionBatch })
  batchGet(@Caller() principal: Principal, @Body() body: BatchGetSessions) {
    return this.sessions.batchGet(principal, body);
  }

  @Get(':id')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'getSession', summary: 'One session' })
  @ApiOkResponse({ type: SessionView })
  get(
    @Caller() principal: Principal,
    @ConversationTarget('shared') session: Target | SharedSession,
    @Query() query: GetSessionQuery,
  ) {
    return this.sessions.get(principal, session, query);
  }

  @Patch(':id')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'updateSession', summary: 'Change title, notebook, prompts, budget; merge metadata' })
  @ApiOkResponse({ type: SessionView })
  update(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Body() body: UpdateSession,
    @IfMatch() ifMatch?: number,
  ) {
    return this.settings.update(principal, id, body, ifMatch);
  }

  @Delete(':id')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'deleteSession', summary: 'Delete a session with its messages' })
  @ApiOkResponse({ type: DeletedSession })
  delete(@Caller() principal: Principal, @ConversationTarget('session') { id }: Target, @IfMatch() ifMatch?: number) {
    return this.sessions.delete(principal, id, ifMatch);
  }
}
