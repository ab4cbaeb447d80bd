import { Body, Controller, Post, UseInterceptors } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../idempotency/idempotency-key';
import { SessionId } from '../sessions/opening/session-id';
import { SessionView } from '../sessions/sessions.dto';
import { ForkSession } from './forking.dto';
import { SessionForkingService } from './session-forking.service';

/** Copies of sessions. */
@ApiTags('sessions')
@UseInterceptors(ETagInterceptor)
@Controller('sessions/:id')
export class SessionForkingController {
  constructor(private readonly forking: SessionForkingService) {}

  @Post('fork')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'forkSession', summary: 'Copy a session, or the beginning of it, under another id' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: SessionView })
  fork(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: ForkSession,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.forking.fork(caller, id, body, idempotencyKey);
  }

  @Post('branch')
  @Access('sessions:write')
  @ApiOperation({ operationId: 'branchSession', summary: 'The same as fork' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: SessionView })
  branch(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Body() body: ForkSession,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ) {
    return this.forking.fork(caller, id, body, idempotencyKey);
  }
}
