import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '../config/config';
import { Lifecycle } from '../http/lifecycle';
import { HealthController } from './health.controller';
import { HealthService } from './health.service';
import { MetricsController } from './metrics.controller';
import { MetricsServer } from './metrics-server.service';
import { MetricsService } from './metrics.service';

/** Probes, metrics and the state of this instance. */
@Module({})
export class HealthModule {
  static for({ env }: Config): DynamicModule {
    const onMainPort = env.METRICS_PORT === undefined;
    return {
      module: HealthModule,
      controllers: [HealthController, ...(onMainPort ? [MetricsController] : [])],
      providers: [HealthService, Lifecycle, MetricsService, MetricsServer],
      exports: [Lifecycle, MetricsService],
    };
  }
}
