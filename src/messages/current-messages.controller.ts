import { Body, Controller, Delete, Get, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { IfMatch } from '../http/request/decorators';
import { LargeBody } from '../http/request/route-settings';
import { byThread, CurrentThreadService } from '../threads';
import { answerAppend, ApiAppend, appendBody, AppendControls, withQuery } from './append/append-answer';
import { type AppendOptions, AppendService } from './append/append.service';
import { MessageDeletionService } from './remove/message-deletion.service';
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
} from './messages.dto';
import { MessagesService } from './read/messages.service';

/** The messages of the caller's current thread; 409 NO_ACTIVE_THREAD without one (F23, F24). */
@ApiTags('messages')
@Controller()
export class CurrentMessagesController {
  constructor(
    private readonly current: CurrentThreadService,
    private readonly appends: AppendService,
    private readonly messages: MessagesService,
    private readonly deletion: MessageDeletionService,
  ) {}

  @Post('messages')
  @Access('messages:write')
  @LargeBody()
  @ApiOperation({ operationId: 'appendToCurrent', summary: 'Append to the current thread' })
  @ApiAppend()
  async append(
    @Caller() caller: Principal,
    @Query() query: AppendQuery,
    @Body(appendBody) body: AppendMessage | AppendMessages,
    @AppendControls() controls: AppendOptions,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answerAppend(
      reply,
      await this.appends.append(caller, await this.current.id(caller), body, withQuery(controls, query)),
    );
  }

  @Get('messages')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listCurrentMessages', summary: 'A page of the current thread' })
  @ApiOkResponse({ type: MessageList })
  async list(@Caller() caller: Principal, @Query() query: ListMessagesQuery) {
    return this.messages.listJson(caller, byThread(await this.current.id(caller)), query);
  }

  @Delete('messages')
  @Access('messages:write')
  @ApiOperation({ operationId: 'clearCurrentMessages', summary: 'Clear the current thread' })
  @ApiOkResponse({ type: ClearedThread })
  async clear(@Caller() caller: Principal, @Query() query: EraseQuery, @IfMatch() ifMatch?: number) {
    return this.deletion.clear(caller, byThread(await this.current.id(caller)), {
      ifMatch,
      erase: query.erase === 'true',
    });
  }

  @Get('threads/current/history')
  @Access('messages:read')
  @ApiOperation({ operationId: 'currentHistory', summary: 'The newest messages of the current thread' })
  @ApiOkResponse({ type: ChatHistory })
  async history(@Caller() caller: Principal, @Query() query: HistoryQuery) {
    return this.messages.history(caller, byThread(await this.current.id(caller)), query);
  }
}
