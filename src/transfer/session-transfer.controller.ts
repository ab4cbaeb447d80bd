import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { ApiIdempotencyKey, type IdempotencyKey } from '../idempotency/idempotency-key';
import { SessionId } from '../sessions/opening/session-id';
import { ExportService } from './export/export.service';
import { ImportRequests } from './import/import-requests.service';
import { answer, ApiExport, ApiImport, gone, ImportIdempotencyKey, send } from './transfer-http';
import { ExportAllQuery, ExportQuery, ImportSessionsQuery } from './transfer.dto';

/** Sessions as files. */
@ApiTags('sessions')
@Controller('sessions')
export class SessionTransferController {
  constructor(
    private readonly exports: ExportService,
    private readonly imports: ImportRequests,
  ) {}

  @Get('export')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'exportSessions', summary: 'All active sessions as one file' })
  @ApiExport()
  async exportAll(
    @Caller() caller: Principal,
    @Query() query: ExportAllQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return send(reply, await this.exports.all(caller, { ...query, gone: gone(reply), sessionsOnly: true }));
  }

  @Get(':id/export')
  @Access('sessions:read')
  @ApiOperation({ operationId: 'exportSession', summary: 'A session as a file' })
  @ApiExport()
  async export(
    @Caller() caller: Principal,
    @SessionId() id: string,
    @Query() query: ExportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return send(reply, await this.exports.session(caller, id, { ...query, gone: gone(reply) }));
  }

  @Post('import')
  @Access('sessions:write')
  @RouteConfig({ takesLines: true })
  @ApiOperation({ operationId: 'importSessions', summary: 'Import conversations as sessions, under their own ids' })
  @ApiIdempotencyKey()
  @ApiImport()
  import(
    @Caller() caller: Principal,
    @Body() body: unknown,
    @Query() query: ImportSessionsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
    @ImportIdempotencyKey() idempotencyKey?: IdempotencyKey,
  ) {
    return answer(body, reply, () => this.imports.ofBody(caller, body, { ...query, asSession: true, idempotencyKey }));
  }
}
