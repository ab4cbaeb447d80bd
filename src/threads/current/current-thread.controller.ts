import { Body, Controller, Delete, Get, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { byThread } from '../target';
import { EraseQuery } from '../../http/request/erase-query';
import { CurrentThreadService } from './current-thread.service';
import { ThreadTrashService } from '../trash/thread-trash.service';
import { CurrentThreadView, DeletedThread, SetCurrentThread } from '../threads.dto';

/** The thread that the caller works in. */
@ApiTags('threads')
@Controller('threads/current')
export class CurrentThreadController {
  constructor(
    private readonly current: CurrentThreadService,
    private readonly trash: ThreadTrashService,
  ) {}

  @Get()
  @Access('threads:read')
  @ApiOperation({ operationId: 'getCurrentThread', summary: "The caller's current thread, or null" })
  @ApiOkResponse({ type: CurrentThreadView })
  get(@Caller() principal: Principal) {
    return this.current.get(principal);
  }

  @Put()
  @Access('threads:write')
  @ApiOperation({ operationId: 'setCurrentThread', summary: 'Make a thread the current one' })
  @ApiOkResponse({ type: CurrentThreadView })
  set(@Caller() principal: Principal, @Body() body: SetCurrentThread) {
    return this.current.set(principal, body.thread_id);
  }

  @Delete()
  @Access('threads:write')
  @ApiOperation({
    operationId: 'deleteCurrentThread',
    summary: 'Move the current thread to the trash, or erase it; none is current afterwards',
  })
  @ApiOkResponse({ type: DeletedThread })
  async delete(@Caller() principal: Principal, @Query() query: EraseQuery) {
    const target = byThread(await this.current.id(principal));
    return this.trash.delete(principal, target, { erase: query.erase === 'true' });
  }
}
