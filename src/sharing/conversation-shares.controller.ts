import { Body, Controller, Delete, Get, Header, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Id } from '../http/request/decorators';
import { PageQuery } from '../http/request/paging';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { Caller, type Principal } from '../organizations';
import { ConversationTarget, eitherOf, type Target } from '../threads';
import { CreatedShareView, EndedShare, ShareConversation, ShareList, ShareView, UpdateShare } from './sharing.dto';
import { SharingService } from './sharing.service';

const SHARE_ID = { name: 'share_id', format: 'uuid' };

/** With whom a conversation is shared: the same routes of threads and of sessions. A session's shares are its thread's. */
// One class of one-line handlers: the length is that of its list of routes.
// eslint-disable-next-line max-lines-per-function
function shareRoutes(by: Target['by']) {
  const either = eitherOf(by);
  const read = either('threads:read', 'sessions:read');
  const write = either('threads:write', 'sessions:write');
  const Described = (id: string, summary: string) => ApiOperation({ operationId: id, summary });

  @ApiTags('shares')
  @Controller(`${by}s/:id/shares`)
  class ConversationSharesController {
    constructor(readonly sharing: SharingService) {}

    @Post()
    @Access(write)
    @Header('cache-control', 'no-store')
    @Described(either('shareThread', 'shareSession'), `Share a ${by} with a user, or by a link`)
    @ApiIdempotencyKey()
    @ApiResponse({ status: 201, type: CreatedShareView, description: 'Shared.' })
    @ApiResponse({ status: 200, type: CreatedShareView, description: 'It was shared with that user; changed.' })
    async share(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Body() body: ShareConversation,
      @Res({ passthrough: true }) reply: FastifyReply,
      @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
    ) {
      const { created, share } = await this.sharing.share(principal, target, body, idempotencyKey);
      void reply.status(created ? 201 : 200);
      return share;
    }

    @Get()
    @Access(read)
    @Described(either('listThreadShares', 'listSessionShares'), `A page of the shares of a ${by} of your own`)
    @ApiOkResponse({ type: ShareList })
    list(@Caller() principal: Principal, @ConversationTarget(by) target: Target, @Query() query: PageQuery) {
      return this.sharing.list(principal, target, query);
    }

    @Patch(':share_id')
    @Access(write)
    @Described(either('updateThreadShare', 'updateSessionShare'), 'Change what a share allows, or when it ends')
    @ApiParam(SHARE_ID)
    @ApiOkResponse({ type: ShareView })
    update(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Id('share_id') shareId: string,
      @Body() body: UpdateShare,
    ) {
      return this.sharing.update(principal, target, shareId, body);
    }

    @Delete(':share_id')
    @Access(write)
    @Described(either('revokeThreadShare', 'revokeSessionShare'), 'End a share at once; with a link, what was accepted')
    @ApiParam(SHARE_ID)
    @ApiOkResponse({ type: EndedShare })
    revoke(@Caller() principal: Principal, @ConversationTarget(by) target: Target, @Id('share_id') shareId: string) {
      return this.sharing.revoke(principal, target, shareId);
    }
  }
  return ConversationSharesController;
}

export const ThreadSharesController = shareRoutes('thread');
export const SessionSharesController = shareRoutes('session');
