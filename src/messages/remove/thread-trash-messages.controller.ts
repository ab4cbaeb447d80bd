import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { IfMatch } from '../../http/request/decorators';
import { ETagInterceptor } from '../../http/answer/etag.interceptor';
import { PageQuery } from '../../http/request/paging';
import { ConversationTarget, type Target } from '../../threads';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../../idempotency';
import { MessageTrashList, RestoredMessages, RestoreMessages } from './message-trash.dto';
import { MessageTrashService } from './message-trash.service';

/** What was taken out of one thread, and its way back. */
@ApiTags('messages')
@UseInterceptors(ETagInterceptor)
@Controller('threads/:id')
export class ThreadTrashMessagesController {
  constructor(private readonly messages: MessageTrashService) {}

  @Get('messages/trash')
  @Access('messages:read')
  @ApiOperation({ operationId: 'listMessageTrash', summary: "A page of the thread's trash, the last removal first" })
  @ApiOkResponse({ type: MessageTrashList })
  trash(@Caller() principal: Principal, @ConversationTarget('thread') target: Target, @Query() query: PageQuery) {
    return this.messages.list(principal, target, query);
  }

  @Post('messages/restore')
  @HttpCode(200)
  @Access('messages:write')
  @ApiOperation({ operationId: 'restoreMessages', summary: "Bring back all of the thread's trash, or one removal" })
  @ApiIdempotencyKey()
  @ApiBody({ type: RestoreMessages, required: false })
  @ApiOkResponse({ type: RestoredMessages })
  restore(
    @Caller() principal: Principal,
    @ConversationTarget('thread') target: Target,
    @Body() body: RestoreMessages,
    @IfMatch() ifMatch?: number,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.messages.restoreAll(principal, target, body, { ifMatch, idempotencyKey });
  }
}
