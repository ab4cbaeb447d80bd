import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../auth';
import { MetricsService } from './metrics.service';

/** Metrics on the main port, for admins of `OPERATOR_ORG_ID`; absent when `METRICS_PORT` gives them a port of their own. */
@ApiTags('health')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  /** The metrics in Prometheus' text format. */
  @Get()
  @Access('operator:read')
  @ApiOperation({ operationId: 'getMetrics', summary: "Metrics in Prometheus' text format" })
  @ApiProduces('text/plain')
  get(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.metrics.contentType);
    return this.metrics.render();
  }
}
