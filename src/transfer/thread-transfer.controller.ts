import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id } from '../http/request/decorators';
import { ApiIdempotencyKey, type IdempotencyKey } from '../idempotency/idempotency-key';
import { ExportService } from './export/export.service';
import { ImportRequests } from './import/import-requests.service';
import { answer, ApiExport, ApiImport, gone, ImportIdempotencyKey, send } from './transfer-http';
import { ExportAllQuery, ExportQuery, ImportQuery } from './transfer.dto';

/** Threads as files. */
@ApiTags('threads')
@Controller('threads')
export class ThreadTransferController {
  constructor(
    private readonly exports: ExportService,
    private readonly imports: ImportRequests,
  ) {}

  @Get('export')
  @Access('threads:read')
  @ApiOperation({ operationId: 'exportThreads', summary: 'All threads as one file, archived ones and sessions too' })
  @ApiExport()
  async exportAll(
    @Caller() caller: Principal,
    @Query() query: ExportAllQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return send(reply, await this.exports.all(caller, { ...query, gone: gone(reply), sessionsOnly: false }));
  }

  @Get(':id/export')
  @Access('threads:read')
  @ApiOperation({ operationId: 'exportThread', summary: 'A thread as a file' })
  @ApiExport()
  async export(
    @Caller() caller: Principal,
    @Id('id') id: string,
    @Query() query: ExportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return send(reply, await this.exports.thread(caller, id, { ...query, gone: gone(reply) }));
  }

  @Post('import')
  @Access('threads:write')
  @RouteConfig({ takesLines: true })
  @ApiOperation({ operationId: 'importThreads', summary: 'Import conversations, as new threads of the caller' })
  @ApiIdempotencyKey()
  @ApiImport()
  import(
    @Caller() caller: Principal,
    @Body() body: unknown,
    @Query() query: ImportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
    @ImportIdempotencyKey() idempotencyKey?: IdempotencyKey,
  ) {
    return answer(body, reply, () => this.imports.ofBody(caller, body, { ...query, asSession: false, idempotencyKey }));
  }
}
