import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../auth/principal';
import { Id } from '../common/decorators';
import { SessionId } from '../sessions/session-id';
import { ContextQuery, ContextRequest, ContextView } from './context.dto';
import { ContextService, inFormat } from './context.service';

/** What to send to the model next. */
@ApiTags('context')
@Controller()
export class ContextController {
  constructor(private readonly context: ContextService) {}

  @Get('sessions/:id/context')
  @Access('sessions:read')
  @ApiOperation({
    operationId: 'sessionContext',
    summary: "What to send to the model next, within the session's budget",
  })
  @ApiOkResponse({ type: ContextView })
  async ofSession(@Caller() caller: Principal, @SessionId() id: string, @Query() query: ContextQuery) {
    return inFormat(await this.context.ofSession(caller, id, query), query.format);
  }

  @Post('sessions/:id/context')
  @HttpCode(200)
  @Access('sessions:read')
  @ApiOperation({ operationId: 'buildSessionContext', summary: 'The same with a body; nothing is stored' })
  @ApiOkResponse({ type: ContextView })
  async buildOfSession(@Caller() caller: Principal, @SessionId() id: string, @Body() body: ContextRequest) {
    return inFormat(await this.context.ofSession(caller, id, body), body.format);
  }

  @Get('threads/:id/context')
  @Access('threads:read')
  @ApiOperation({ operationId: 'threadContext', summary: 'What to send to the model next, of a thread' })
  @ApiOkResponse({ type: ContextView })
  async ofThread(@Caller() caller: Principal, @Id('id') id: string, @Query() query: ContextQuery) {
    return inFormat(await this.context.ofThread(caller, id, query), query.format);
  }

  @Post('threads/:id/context')
  @HttpCode(200)
  @Access('threads:read')
  @ApiOperation({ operationId: 'buildThreadContext', summary: 'The same with a body; nothing is stored' })
  @ApiOkResponse({ type: ContextView })
  async buildOfThread(@Caller() caller: Principal, @Id('id') id: string, @Body() body: ContextRequest) {
    return inFormat(await this.context.ofThread(caller, id, body), body.format);
  }
}
