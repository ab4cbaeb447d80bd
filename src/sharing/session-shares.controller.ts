import { Body, Controller, Delete, Get, Header, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id } from '../http/request/decorators';
import { PageQuery } from '../http/request/paging';
import { bySession } from '../threads/thread-access';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency/idempotency-key';
import { SessionId } from '../sessions/opening/session-id';
import { ShareCreationService } from './share-creation.service';
import { CreatedShareView, EndedShare, ShareConversation, ShareList, ShareView, UpdateShare } from './sharing.dto';
import { SharingService } from './sharing.service';

/** With whom a session is shared, which is the thread under it. */
@ApiTags('shares')
@Controller('sessions/:id/shares')
export class SessionSharesController {
  constructor(
    private readonly creation: ShareCreationService,
    private readonly sharing: SharingService,
  ) {}

  @Post()
  @Access('sessions:write')
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'shareSession', summary: 'Share a session with a user, or by a link' })
  @ApiIdempotencyKey()
  @ApiResponse({ status: 201, type: CreatedShareView, description: 'Shared.' })
  @ApiResponse({ status: 200, type: CreatedShareView, description: 'It was shared with that user; changed.' })
  async share(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: ShareConversation,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    const { created, share } = await this.creation.share(caller, bySession(id), body, idempotencyKey);
    void reply.status(created ? 201 : 200);
    return share;
  }

  @Get()
  @Access('sessions:read')
  @ApiOperation({ operationId: 'listSessionShares', summary: 'A page of the shares of a session of your own' })
  @ApiOkResponse({ type: ShareList })
  list(@Caller() caller: Principal, @SessionId() id: string, @Query() query: PageQuery) {
    return this.sharing.list(caller, bySession(id), query);
  }

  @Patch(':share_id')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'updateSessionShare', summary: 'Change what a share allows, or when it ends' })
  @ApiParam({ name: 'share_id', format: 'uuid' })
  @ApiOkResponse({ type: ShareView })
  update(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Id('share_id') shareId: string,
    @Body() body: UpdateShare,
  ) {
    return this.sharing.update(caller, bySession(id), shareId, body);
  }

  @Delete(':share_id')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'revokeSessionShare', summary: 'End a share at once; with a link, what was accepted' })
  @ApiParam({ name: 'share_id', format: 'uuid' })
  @ApiOkResponse({ type: EndedShare })
  revoke(@Caller() caller: Principal, @SessionId() id: string, @Id('share_id') shareId: string) {
    return this.sharing.revoke(caller, bySession(id), shareId);
  }
}
