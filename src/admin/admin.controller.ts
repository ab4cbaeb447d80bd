import { Body, Controller, Get, Header, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { CleanupService, CleanupView, RunCleanup } from '../cleanup';
import { StatsView } from './admin.dto';
import { AdminService, type SettingsView } from './admin.service';

const SETTINGS_SCHEMA = {
  type: 'object',
  properties: {
    database: {
      type: 'object',
      required: ['kind'],
      properties: { kind: { type: 'string', enum: ['embedded', 'memory', 'server'] } },
    },
  },
  required: ['database'],
  additionalProperties: { nullable: true, oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
};

/** For operators, with an admin's key. */
@ApiTags('admin')
@Controller('admin')
export class AdminController {
  constructor(
    private readonly service: AdminService,
    private readonly cleanup: CleanupService,
  ) {}

  /** What the server runs with. */
  @Get('config')
  @Access('operator:read')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'getConfig',
    summary: 'Every setting by the name of its variable, without secrets; for the operator',
  })
  @ApiOkResponse({ schema: SETTINGS_SCHEMA })
  config(): SettingsView {
    return this.service.settings();
  }

  /** How much the caller's organization keeps. */
  @Get('stats')
  @Access('admin:read')
  @ApiOperation({
    operationId: 'getStats',
    summary: 'How much your organization keeps, and how many sessions are active',
  })
  @ApiOkResponse({ type: StatsView })
  stats(@Caller() caller: Principal): Promise<StatsView> {
    return this.service.stats(caller);
  }

  /** Removes what has expired, now. */
  @Post('cleanup')
  @HttpCode(200)
  @Access('admin:write')
  @ApiOperation({
    operationId: 'runCleanup',
    summary: 'Remove what has expired in your organization, and tell how much it was',
  })
  @ApiBody({ type: RunCleanup, required: false })
  @ApiOkResponse({ type: CleanupView })
  runCleanup(@Caller() caller: Principal, @Body() body: RunCleanup): Promise<CleanupView> {
    return this.cleanup.runFor(caller, body);
  }
}
