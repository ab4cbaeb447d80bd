import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth';
import { HealthView, LiveView, ReadyView } from './health.dto';
import { HealthService } from './health.service';

/** Probes; they need no credentials and tell nothing about anybody's data. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly service: HealthService) {}

  /** Whether the server and its database work. */
  @Get()
  @Public()
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'getHealth', summary: 'Whether the server and its database work' })
  @ApiOkResponse({ type: HealthView })
  health(): Promise<HealthView> {
    return this.service.health();
  }

  /** Whether the process answers; it is no reason to restart it that the database is away. */
  @Get('live')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'getLiveness', summary: 'Whether the process answers, whatever its database does' })
  @ApiOkResponse({ type: LiveView })
  live(): LiveView {
    return { status: 'alive' };
  }

  /** Whether requests should be sent here now. */
  @Get('ready')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'getReadiness', summary: 'Whether this instance should be sent requests now' })
  @ApiOkResponse({ type: ReadyView })
  ready(): Promise<ReadyView> {
    return this.service.ready();
  }
}
