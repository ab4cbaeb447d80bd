import { Body, Controller, Delete, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../auth/principal';
import { CurrentThreadService } from './current-thread.service';
import { CurrentThreadView, DeletedThread, SetCurrentThread } from './threads.dto';

/** The thread that the caller works in. */
@ApiTags('threads')
@Controller('threads/current')
export class CurrentThreadController {
  constructor(private readonly current: CurrentThreadService) {}

  @Get()
  @Access('threads:read')
  @ApiOperation({ operationId: 'getCurrentThread', summary: "The caller's current thread, or null" })
  @ApiOkResponse({ type: CurrentThreadView })
  get(@Caller() caller: Principal) {
    return this.current.get(caller);
  }

  @Put()
  @Access('threads:write')
  @ApiOperation({ operationId: 'setCurrentThread', summary: 'Make a thread the current one' })
  @ApiOkResponse({ type: CurrentThreadView })
  set(@Caller() caller: Principal, @Body() body: SetCurrentThread) {
    return this.current.set(caller, body.thread_id);
  }

  @Delete()
  @Access('threads:write')
  @ApiOperation({
    operationId: 'deleteCurrentThread',
    summary: 'Delete the current thread; none is current afterwards',
  })
  @ApiOkResponse({ type: DeletedThread })
  delete(@Caller() caller: Principal) {
    return this.current.delete(caller);
  }
}
