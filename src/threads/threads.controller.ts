import { Body, Controller, Get, HttpCode, Patch, Post, Query, UseInterceptors } from '@nestjs/common';
import {
  ApiBody,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { IfMatch } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { oneOrMany } from '../http/request/body-pipes';
import { ConversationTarget, type Target } from './target';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { ThreadCreationService } from './thread-creation.service';
import { ThreadListService } from './list/thread-list.service';
import {
  CreateThread,
  CreateThreads,
  ListThreadsQuery,
  ThreadBatch,
  ThreadList,
  ThreadView,
  UpdateThread,
} from './threads.dto';
import { ThreadsService } from './threads.service';

const createBody = oneOrMany(CreateThread, CreateThreads, 'threads');
const oneOrBatch = (
  one: typeof CreateThread | typeof ThreadView,
  batch: typeof CreateThreads | typeof ThreadBatch,
) => ({
  oneOf: [{ $ref: getSchemaPath(one) }, { $ref: getSchemaPath(batch) }],
});

/** Conversations. */
@ApiTags('threads')
@ApiExtraModels(CreateThread, CreateThreads, ThreadView, ThreadBatch)
@UseInterceptors(ETagInterceptor)
@Controller('threads')
export class ThreadsController {
  constructor(
    private readonly threads: ThreadsService,
    private readonly creation: ThreadCreationService,
    private readonly lists: ThreadListService,
  ) {}

  @Post()
  @Access('threads:write')
  @ApiOperation({ operationId: 'createThread', summary: 'Create one thread or a batch; the last becomes current' })
  @ApiIdempotencyKey()
  @ApiBody({
    schema: oneOrBatch(CreateThread, CreateThreads),
    examples: { one: { value: { name: 'Hotel search, Tokyo' } } },
  })
  @ApiResponse({ status: 201, schema: oneOrBatch(ThreadView, ThreadBatch) })
  create(
    @Caller() principal: Principal,
    @Body(createBody) body: CreateThread | CreateThreads,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.creation.create(principal, body, idempotencyKey);
  }

  @Get()
  @Access('threads:read')
  @ApiOperation({ operationId: 'listThreads', summary: 'A page of threads, last written to first' })
  @ApiOkResponse({ type: ThreadList })
  list(@Caller() principal: Principal, @Query() query: ListThreadsQuery) {
    return this.lists.list(principal, query);
  }

  @Patch(':id')
  @Access('threads:write')
  @ApiOperation({ operationId: 'updateThread', summary: 'Rename, and merge-patch the metadata' })
  @ApiOkResponse({ type: ThreadView })
  update(
    @Caller() principal: Principal,
    @ConversationTarget('thread') target: Target,
    @Body() body: UpdateThread,
    @IfMatch() ifMatch?: number,
  ) {
    return this.threads.update(principal, target, body, ifMatch);
  }

  @Post(':id/archive')
  @HttpCode(200)
  @Access('threads:write')
  @ApiOperation({ operationId: 'archiveThread', summary: 'Leave the thread out of lists; it stays readable' })
  @ApiOkResponse({ type: ThreadView })
  archive(@Caller() principal: Principal, @ConversationTarget('thread') target: Target) {
    return this.threads.setStatus(principal, target, 'archived');
  }

  @Post(':id/unarchive')
  @HttpCode(200)
  @Access('threads:write')
  @ApiOperation({ operationId: 'unarchiveThread', summary: 'List the thread again' })
  @ApiOkResponse({ type: ThreadView })
  unarchive(@Caller() principal: Principal, @ConversationTarget('thread') target: Target) {
    return this.threads.setStatus(principal, target, 'active');
  }
}
