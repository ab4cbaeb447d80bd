import { Body, Controller, Get, Post, UseInterceptors } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency';
import { Caller, type Principal } from '../organizations';
import { SessionView } from '../sessions';
import { ConversationTarget, type Target, ThreadView } from '../threads';
import { ForkSession, ForkThread, ForkTree } from './forking.dto';
import { ForkingService } from './forking.service';
import { LineageService } from './lineage.service';

/** Copies of threads, and what became of them. */
@ApiTags('threads')
@UseInterceptors(ETagInterceptor)
@Controller('threads/:id')
export class ThreadForkingController {
  constructor(
    private readonly forking: ForkingService,
    private readonly lineage: LineageService,
  ) {}

  @Post('fork')
  @Access('threads:write')
  @ApiOperation({
    operationId: 'forkThread',
    summary: 'Copy a thread, or its messages up to one; the copy becomes current',
  })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: ThreadView })
  fork(
    @Caller() principal: Principal,
    @ConversationTarget('thread') target: Target,
    @Body() body: ForkThread,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.forking.forkThread(principal, target, body, idempotencyKey);
  }

  @Get('forks')
  @Access('threads:read')
  @ApiOperation({ operationId: 'listForks', summary: 'The forks of a thread, and theirs, as a tree' })
  @ApiOkResponse({ type: ForkTree })
  forks(@Caller() principal: Principal, @ConversationTarget('thread') target: Target) {
    return this.lineage.tree(principal, target);
  }
}

/** Copies of sessions. */
@ApiTags('sessions')
@UseInterceptors(ETagInterceptor)
@Controller('sessions/:id')
export class SessionForkingController {
  constructor(private readonly forking: ForkingService) {}

  @Post('fork')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'forkSession', summary: 'Copy a session, or the beginning of it, under another id' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: SessionView })
  fork(
    @Caller() principal: Principal,
    @ConversationTarget('session') target: Target,
    @Body() body: ForkSession,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.forking.forkSession(principal, target, body, idempotencyKey);
  }

  @Post('branch')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'branchSession', summary: 'The same as fork' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: SessionView })
  branch(
    @Caller() principal: Principal,
    @ConversationTarget('session') target: Target,
    @Body() body: ForkSession,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.forking.forkSession(principal, target, body, idempotencyKey);
  }
}
