import { Body, Controller, Delete, Get, HttpCode, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { Id, IfMatch, IfNoneMatch } from '../http/request/decorators';
import { LargeBody } from '../http/request/route-settings';
import { answerUnlessKnown, ApiNotModified, ETagInterceptor } from '../http/answer/etag.interceptor';
import { byThread } from '../threads';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { answerAppend, ApiAppend, appendBody, AppendControls, withQuery } from './append/append-answer';
import { type AppendOptions, AppendService } from './append/append.service';
import { MessageDeletionService } from './remove/message-deletion.service';
import { MessageTruncationService } from './remove/message-truncation.service';
import { EraseQuery } from '../http/request/erase-query';
import {
  AppendMessage,
  AppendMessages,
  AppendQuery,
  ChatHistory,
  ClearedThread,
  HistoryQuery,
  ListMessagesQuery,
  MessageList,
  TruncatedThread,
  TruncateMessages,
} from './messages.dto';
import { MessagesService } from './read/messages.service';

/** The messages of one thread. */
@ApiTags('messages')
@Controller('threads/:id')
export class ThreadMessagesController {
  constructor(
    private readonly appends: AppendService,
    private readonly messages: MessagesService,
    private readonly deletion: MessageDeletionService,
    private readonly truncation: MessageTruncationService,
  ) {}

  @Post('messages')
  @Access('messages:write')
  @LargeBody()
  @ApiOperation({ operationId: 'appendMessages', summary: 'Append one message or a batch' })
  @ApiAppend()
  async append(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Query() query: AppendQuery,
    @Body(appendBody) body: AppendMessage | AppendMessages,
    @AppendControls() controls: AppendOptions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answerAppend(reply, await this.appends.append(caller, id, body, withQuery(controls, query)));
  }

  @Get('messages')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listMessages', summary: 'A page of messages, oldest first' })
  @ApiNotModified()
  @ApiOkResponse({ type: MessageList })
  async list(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Query() query: ListMessagesQuery,
    @IfNoneMatch() known: number | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answerUnlessKnown(reply, await this.messages.listJson(caller, byThread(id), query, known));
  }

  @Delete('messages')
  @Access('messages:write')
  @ApiOperation({
    operationId: 'clearMessages',
    summary: 'Move all messages to the trash, or erase them; the thread stays',
  })
  @ApiOkResponse({ type: ClearedThread })
  clear(@Caller() caller: Principal, @Id('id') id: string, @Query() query: EraseQuery, @IfMatch() ifMatch?: number) {
    return this.deletion.clear(caller, byThread(id), { ifMatch, erase: query.erase === 'true' });
  }

  @Post('truncate')
  @HttpCode(200)
  @Access('messages:write')
  @UseInterceptors(ETagInterceptor)
  @ApiOperation({ operationId: 'truncateThread', summary: 'Remove old messages; a tool call keeps its results' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: TruncatedThread })
  truncate(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: TruncateMessages,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.truncation.truncate(caller, byThread(id), body, { ifMatch, idempotencyKey });
  }

  @Get('history')
  @Access('messages:read')
  @ApiOperation({ operationId: 'threadHistory', summary: 'The newest messages, ready for a model call' })
  @ApiOkResponse({ type: ChatHistory })
  history(@Caller() caller: Principal, @Id('id') id: string, @Query() query: HistoryQuery) {
    return this.messages.history(caller, byThread(id), query);
  }
}
