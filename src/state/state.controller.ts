import { Body, Controller, Delete, Get, Put, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { IfMatch } from '../http/request/decorators';
import { LargeBody } from '../http/request/route-settings';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { ConversationTarget, type Target } from '../threads';
import { DeletedSession, SessionsService, SessionView, StoreQuery } from '../sessions';
import { StateSavingService } from './state-saving.service';
import { GetStateQuery, LeanState, SaveState, StateView } from './state.dto';
import { StateService } from './state.service';

const EITHER = { oneOf: [{ $ref: getSchemaPath(StateView) }, { $ref: getSchemaPath(LeanState) }] };

/** A session as one document, for libraries that load and save whole states. */
@ApiTags('state')
@ApiExtraModels(StateView, LeanState)
@UseInterceptors(ETagInterceptor)
@Controller('sessions/:id/state')
export class StateController {
  constructor(
    private readonly states: StateService,
    private readonly saving: StateSavingService,
    private readonly sessions: SessionsService,
  ) {}

  @Get()
  @Access('sessions:read')
  @ApiOperation({ operationId: 'loadState', summary: 'The whole session: history, metadata, variables' })
  @ApiOkResponse({ schema: EITHER })
  load(@Caller() principal: Principal, @ConversationTarget('session') { id }: Target, @Query() query: GetStateQuery) {
    return this.states.load(principal, id, query);
  }

  @Put()
  @Access('sessions:write')
  @LargeBody()
  @ApiOperation({
    operationId: 'saveState',
    summary: 'Store a state in place of what is there; an unknown session is made',
  })
  @ApiResponse({
    status: 200,
    type: SessionView,
    description: 'Replaced. The answer is the session without its history.',
  })
  @ApiResponse({ status: 201, type: SessionView, description: 'Made.' })
  async replace(
    @Caller() principal: Principal,
    @ConversationTarget('session', { opens: true }) { id }: Target,
    @Query() _: StoreQuery,
    @Body() body: SaveState,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IfMatch() ifMatch?: number,
  ) {
    const { created, session } = await this.saving.replace(principal, id, body, ifMatch);
    void reply.status(created ? 201 : 200);
    return this.sessions.toView(session);
  }

  @Delete()
  @Access('sessions:write')
  @ApiOperation({ operationId: 'deleteState', summary: 'Delete the session with its messages' })
  @ApiOkResponse({ type: DeletedSession })
  delete(
    @Caller() principal: Principal,
    @ConversationTarget('session') { id }: Target,
    @Query() _: StoreQuery,
    @IfMatch() ifMatch?: number,
  ) {
    return this.sessions.delete(principal, id, ifMatch);
  }
}
