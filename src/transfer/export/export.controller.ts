import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../auth';
import { Caller, type Principal } from '../../organizations';
import { ConversationTarget, eitherOf, type Target } from '../../threads';
import { ExportAllQuery, ExportQuery } from '../transfer.dto';
import { ApiExport, gone, send } from '../transfer-http';
import { ExportService } from './export.service';

/** Conversations as files: the same routes of threads and of sessions. */
function exportRoutes(by: Target['by']) {
  const either = eitherOf(by);

  @ApiTags(`${by}s`)
  @Controller(`${by}s`)
  class ExportController {
    constructor(readonly exports: ExportService) {}

    @Get('export')
    @Access(either('threads:read', 'sessions:read'))
    @ApiOperation(
      either(
        { operationId: 'exportThreads', summary: 'All threads as one file, archived ones and sessions too' },
        { operationId: 'exportSessions', summary: 'All active sessions as one file' },
      ),
    )
    @ApiExport()
    async exportAll(
      @Caller() principal: Principal,
      @Query() query: ExportAllQuery,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const options = { ...query, gone: gone(reply), sessionsOnly: by === 'session' };
      return send(reply, await this.exports.all(principal, options));
    }

    @Get(':id/export')
    @Access(either('threads:read', 'sessions:read'))
    @ApiOperation({ operationId: either('exportThread', 'exportSession'), summary: `A ${by} as a file` })
    @ApiExport()
    async export(
      @Caller() principal: Principal,
      @ConversationTarget(by) target: Target,
      @Query() query: ExportQuery,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      return send(reply, await this.exports.one(principal, target, { ...query, gone: gone(reply) }));
    }
  }
  return ExportController;
}

export const ThreadExportController = exportRoutes('thread');
export const SessionExportController = exportRoutes('session');
