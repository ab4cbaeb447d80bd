import { Controller, Delete, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { IfMatch } from '../../http/request/decorators';
import { ETagInterceptor } from '../../http/answer/etag.interceptor';
import { ConversationTarget, type Target } from '../target';
import { EraseQuery } from '../../http/request/erase-query';
import { ThreadTrashService } from './thread-trash.service';
import { DeletedThread, ListThreadTrashQuery, ThreadTrashList, ThreadView } from '../threads.dto';

/** Threads on their way to the trash and back. */
@ApiTags('threads')
@UseInterceptors(ETagInterceptor)
@Controller('threads')
export class ThreadTrashController {
  constructor(private readonly trash: ThreadTrashService) {}

  @Delete(':id')
  @Access('threads:write')
  @ApiOperation({
    operationId: 'deleteThread',
    summary: 'Move a thread with its messages to the trash, or erase it; its session is gone at once',
  })
  @ApiOkResponse({ type: DeletedThread })
  delete(
    @Caller() principal: Principal,
    @ConversationTarget('thread') target: Target,
    @Query() query: EraseQuery,
    @IfMatch() ifMatch?: number,
  ) {
    return this.trash.delete(principal, target, { ifMatch, erase: query.erase === 'true' });
  }

  @Get('trash')
  @Access('threads:read')
  @ApiOperation({ operationId: 'listThreadTrash', summary: 'A page of your trash, the last deletion first' })
  @ApiOkResponse({ type: ThreadTrashList })
  list(@Caller() principal: Principal, @Query() query: ListThreadTrashQuery) {
    return this.trash.list(principal, query);
  }

  @Post(':id/restore')
  @HttpCode(200)
  @Access('threads:write')
  @ApiOperation({
    operationId: 'restoreThread',
    summary: 'Bring a thread back from the trash, messages, session and all',
  })
  @ApiOkResponse({ type: ThreadView })
  restore(@Caller() principal: Principal, @ConversationTarget('thread') target: Target) {
    return this.trash.restore(principal, target);
  }
}
