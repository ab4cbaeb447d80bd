import { Body, Controller, Delete, Get, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { Id } from '../http/request/decorators';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { DeletedErasure, ErasureList, ErasureView, ListErasuresQuery, StartErasure } from './erasures.dto';
import { ErasuresService } from './erasures.service';

/** Erasure of everything of a user, or of the organization, by its admins. */
@ApiTags('erasures')
@Controller('erasures')
export class ErasuresController {
  constructor(private readonly erasures: ErasuresService) {}

  @Post()
  @Access('erasures:manage')
  @ApiOperation({ operationId: 'startErasure', summary: 'Erase a user, or the organization; there is no way back' })
  @ApiIdempotencyKey()
  @ApiResponse({ status: 201, type: ErasureView, description: 'Done: the receipt.' })
  @ApiResponse({
    status: 202,
    type: ErasureView,
    description: 'It is large, and goes on in the background; what becomes of an organization’s is in the log.',
  })
  async start(
    @Caller() principal: Principal,
    @Body() body: StartErasure,
    @Res({ passthrough: true }) reply: FastifyReply,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    const erasure = await this.erasures.start(principal, body, idempotencyKey);
    void reply.status(erasure.status === 'done' ? 201 : 202);
    return erasure;
  }

  @Get()
  @Access('erasures:manage')
  @ApiOperation({ operationId: 'listErasures', summary: 'A page of receipts, newest first' })
  @ApiOkResponse({ type: ErasureList })
  list(@Caller() principal: Principal, @Query() query: ListErasuresQuery) {
    return this.erasures.list(principal, query);
  }

  @Get(':id')
  @Access('erasures:manage')
  @ApiOperation({ operationId: 'getErasure', summary: 'One receipt' })
  @ApiOkResponse({ type: ErasureView })
  get(@Caller() principal: Principal, @Id('id') id: string) {
    return this.erasures.get(principal, id);
  }

  @Delete(':id')
  @Access('erasures:manage')
  @ApiOperation({ operationId: 'deleteErasure', summary: 'Delete a receipt' })
  @ApiOkResponse({ type: DeletedErasure })
  delete(@Caller() principal: Principal, @Id('id') id: string) {
    return this.erasures.delete(principal, id);
  }
}
