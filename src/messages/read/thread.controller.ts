import { Controller, Get, Query, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth';
import { ETagInterceptor } from '../../http/answer/etag.interceptor';
import { Caller, type Principal } from '../../organizations';
import { ConversationTarget, GetThreadQuery, type Target, ThreadsService, ThreadView } from '../../threads';
import { MessagesService } from './messages.service';

/** One thread, which may be shown with its messages: so this route stands above both. */
@ApiTags('threads')
@UseInterceptors(ETagInterceptor)
@Controller('threads')
export class ThreadController {
  constructor(
    private readonly threads: ThreadsService,
    private readonly messages: MessagesService,
  ) {}

  @Get(':id')
  @Access('threads:read')
  @ApiOperation({ operationId: 'getThread', summary: 'One thread' })
  @ApiOkResponse({ type: ThreadView })
  get(@Caller() principal: Principal, @ConversationTarget('thread') target: Target, @Query() query: GetThreadQuery) {
    return query.include ? this.messages.threadWithMessages(principal, target) : this.threads.get(principal, target);
  }
}
