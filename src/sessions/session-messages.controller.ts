import { Body, Controller, Delete, Get, HttpCode, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../auth/principal';
import { IfMatch } from '../common/decorators';
import { ETagInterceptor } from '../common/etag.interceptor';
import { bySession } from '../database/visibility';
import { ApiIdempotencyKey, type Retry, RetryKey } from '../idempotency/retry';
import { answerAppend, ApiAppend, appendBody, AppendControls } from '../messages/append-answer';
import type { AppendOptions } from '../messages/append.service';
import { MessageEditsService } from '../messages/message-edits.service';
import { MessageTruncationService } from '../messages/message-truncation.service';
import {
  AppendMessage,
  AppendMessages,
  ClearedThread,
  TruncatedThread,
  TruncateMessages,
} from '../messages/messages.dto';
import { SessionId } from './session-id';
import { SessionMessagesService } from './session-messages.service';
import {
  AppendToSessionQuery,
  SessionHistory,
  SessionHistoryQuery,
  SessionMessage,
  SessionMessageBatch,
  SessionMessageList,
  SessionMessagesQuery,
  StoreQuery,
} from './sessions.dto';

/** The messages of one session. */
@ApiTags('sessions')
@Controller('sessions/:id')
export class SessionMessagesController {
  constructor(
    private readonly messages: SessionMessagesService,
    private readonly edits: MessageEditsService,
    private readonly truncation: MessageTruncationService,
  ) {}

  @Post('messages')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'addMessages', summary: 'Append one message or a batch; an unknown session is made' })
  @ApiAppend(SessionMessage, SessionMessageBatch)
  async append(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Query() _query: AppendToSessionQuery,
    @Body(appendBody) body: AppendMessage | AppendMessages,
    @AppendControls() controls: AppendOptions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answerAppend(reply, await this.messages.append(caller, id, body, controls));
  }

  @Get('messages')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'getMessages', summary: 'A page of the session, oldest first unless asked otherwise' })
  @ApiOkResponse({ type: SessionMessageList })
  list(@Caller() caller: Principal, @SessionId() id: string, @Query() query: SessionMessagesQuery) {
    return this.messages.list(caller, id, query);
  }

  @Delete('messages')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'clearSession', summary: 'Remove all messages; session, metadata and variables stay' })
  @ApiOkResponse({ type: ClearedThread })
  clear(@Caller() caller: Principal, @SessionId() id: string, @Query() _: StoreQuery, @IfMatch() ifMatch?: number) {
    return this.edits.clear(caller, bySession(id), ifMatch);
  }

  @Post('truncate')
  @HttpCode(200)
  @Access('sessions:write')
  @UseInterceptors(ETagInterceptor)
  @ApiOperation({ operationId: 'truncateSession', summary: 'Remove old messages; a tool call keeps its results' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: TruncatedThread })
  truncate(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: TruncateMessages,
    @IfMatch() ifMatch?: number,
    @RetryKey() retry?: Retry,
  ) {
    return this.truncation.truncate(caller, bySession(id), body, ifMatch, retry);
  }

  @Get('history')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'sessionHistory', summary: 'The newest entries, with role and text only' })
  @ApiOkResponse({ type: SessionHistory })
  history(@Caller() caller: Principal, @SessionId() id: string, @Query() query: SessionHistoryQuery) {
    return this.messages.history(caller, id, query);
  }
}
