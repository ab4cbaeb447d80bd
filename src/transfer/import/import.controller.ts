import { Body, Controller, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth';
import { ApiIdempotencyKey, type IdempotencyKey } from '../../idempotency';
import { Route } from '../../http/request/route-settings';
import { Caller, type Principal } from '../../organizations';
import { ImportQuery, ImportSessionsQuery } from '../transfer.dto';
import { answer, ApiImport, ImportIdempotencyKey } from '../transfer-http';
import { ImportRequestsService } from './import-requests.service';

/** Threads out of files. */
@ApiTags('threads')
@Controller('threads')
export class ThreadImportController {
  constructor(private readonly imports: ImportRequestsService) {}

  @Post('import')
  @Access('threads:write')
  @Route({ takesLines: true, largeBody: true })
  @ApiOperation({ operationId: 'importThreads', summary: 'Import conversations, as new threads of the caller' })
  @ApiIdempotencyKey()
  @ApiImport()
  import(
    @Caller() principal: Principal,
    @Body() body: unknown,
    @Query() query: ImportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
    @ImportIdempotencyKey() idempotencyKey?: IdempotencyKey,
  ) {
    const request = { ...query, asSession: false, idempotencyKey };
    return answer(body, reply, () => this.imports.ofBody(principal, body, request));
  }
}

/** Sessions out of files; a session may take the place of one that is there. */
@ApiTags('sessions')
@Controller('sessions')
export class SessionImportController {
  constructor(private readonly imports: ImportRequestsService) {}

  @Post('import')
  @Access('sessions:write')
  @Route({ takesLines: true, largeBody: true })
  @ApiOperation({ operationId: 'importSessions', summary: 'Import conversations as sessions, under their own ids' })
  @ApiIdempotencyKey()
  @ApiImport()
  import(
    @Caller() principal: Principal,
    @Body() body: unknown,
    @Query() query: ImportSessionsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
    @ImportIdempotencyKey() idempotencyKey?: IdempotencyKey,
  ) {
    const request = { ...query, asSession: true, idempotencyKey };
    return answer(body, reply, () => this.imports.ofBody(principal, body, request));
  }
}
