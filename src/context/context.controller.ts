import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../auth/principal';
import { SessionId } from '../sessions/session-id';
import { ContextQuery, ContextView } from './context.dto';
import { ContextService } from './context.service';

/** What to send to the model next. */
@ApiTags('context')
@Controller()
export class ContextController {
  constructor(private readonly context: ContextService) {}

  @Get('sessions/:id/context')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'sessionContext', summary: "The newest messages within the session's budget" })
  @ApiOkResponse({ type: ContextView })
  ofSession(@Caller() caller: Principal, @SessionId() id: string, @Query() query: ContextQuery) {
    return this.context.ofSession(caller, id, query);
  }
}
