import { Body, Controller, Delete, Get, HttpCode, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { IfMatch } from '../../http/request/decorators';
import { LargeBody } from '../../http/request/route-settings';
import { ETagInterceptor } from '../../http/answer/etag.interceptor';
import { ConversationTarget, type SharedSession, type Target } from '../../threads';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../../idempotency';
import {
  answerAppend,
  ApiAppend,
  appendBody,
  AppendControls,
  withQuery,
  AppendMessage,
  AppendMessages,
  type AppendOptions,
  ClearedThread,
  MessageDeletionService,
  MessageTruncationService,
  SessionMessage,
  TruncatedThread,
  TruncateMessages,
} from '../../messages';
import { SessionMessagesService } from './session-messages.service';
import {
  AppendToSessionQuery,
  ClearSessionQuery,
  SessionHistory,
  SessionHistoryQuery,
  SessionMessageBatch,
  SessionMessageList,
  SessionMessagesQuery,
} from '../sessions.dto';

/** The messages of one session. */
@ApiTags('sessions')
@Controller('sessions/:id')
export class SessionMessagesController {
  constructor(
    private readonly messages: SessionMessagesService,
    private readonly deletion: MessageDeletionService,
    private readonly truncation: MessageTruncationService,
  ) {}

  @Post('messages')
  @Access('sessions:write')
  @LargeBody()
  @ApiOperation({ operationId: 'addMessages', summary: 'Append one message or a batch; an unknown session is made' })
  @ApiAppend(SessionMessage, SessionMessageBatch)
  async append(
    @Caller() principal: Principal,
    @ConversationTarget('shared', { opens: true }) session: Target | SharedSession,
    @Query() query: AppendToSessionQuery,
    @Body(appendBody) body: AppendMessage | AppendMessages,
    @AppendControls() controls: AppendOptions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answerAppend(reply, await this.messages.append(principal, session, body, withQuery(controls, query)));
  }

  @Get('messages')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'getMessages', summary: 'A page of the session, oldest first unless asked otherwise' })
  @UseInterceptors(ETagInterceptor)
  @ApiOkResponse({ type: SessionMessageList })
  list(
    @Caller() principal: Principal,
    @ConversationTarget('shared') session: Target | SharedSession,
    @Query() query: SessionMessagesQuery,
  ) {
    return this.messages.list(principal, session, query);
  }

  @Delete('messages')
  @Access('sessions:write')
  @ApiOperation({
    operationId: 'clearSession',
    summary: 'Move all messages to the trash, or erase them; session, metadata and variables stay',
  })
  @ApiOkResponse({ type: ClearedThread })
  clear(
    @Caller() principal: Principal,
    @ConversationTarget('session') target: Target,
    @Query() query: ClearSessionQuery,
    @IfMatch() ifMatch?: number,
  ) {
    return this.deletion.clear(principal, target, { ifMatch, erase: query.erase === 'true' });
  }

  @Post('truncate')
  @HttpCode(200)
  @Access('sessions:write')
  @UseInterceptors(ETagInterceptor)
  @ApiOperation({ operationId: 'truncateSession', summary: 'Remove old messages; a tool call keeps its results' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: TruncatedThread })
  truncate(
    @Caller() principal: Principal,
    @ConversationTarget('session') target: Target,
    @Body() body: TruncateMessages,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.truncation.truncate(principal, target, body, { ifMatch, idempotencyKey });
  }

  @Get('history')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'sessionHistory', summary: 'The newest entries, with role and text only' })
  @ApiOkResponse({ type: SessionHistory })
  history(
    @Caller() principal: Principal,
    @ConversationTarget('shared') session: Target | SharedSession,
    @Query() query: SessionHistoryQuery,
  ) {
    return this.messages.history(principal, session, query);
  }
}
