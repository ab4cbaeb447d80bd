import { Body, Controller, Post, UseInterceptors } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency/idempotency-key';
import { ThreadView } from '../threads/threads.dto';
import { ForkThread } from './forking.dto';
import { ThreadForkingService } from './thread-forking.service';

/** Copies of threads. */
@ApiTags('threads')
@UseInterceptors(ETagInterceptor)
@Controller('threads/:id')
export class ThreadForkingController {
  constructor(private readonly forking: ThreadForkingService) {}

  @Post('fork')
  @Access('threads:write')
  @ApiOperation({
    operationId: 'forkThread',
    summary: 'Copy a thread, or its messages up to one; the copy becomes current',
  })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: ThreadView })
  fork(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Body() body: ForkThread,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.forking.fork(caller, id, body, idempotencyKey);
  }
}
