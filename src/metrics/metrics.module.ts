import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '../config/config';
import { MetricsServer } from './metrics-server.service';
import { MetricsController } from './metrics.controller';
import { MetricsService } from './metrics.service';

/** Prometheus metrics of this instance, on the main port or on one of their own. */
@Module({})
export class MetricsModule {
  static for({ env }: Config): DynamicModule {
    const onMainPort = env.METRICS_PORT === undefined;
    return {
      module: MetricsModule,
      controllers: onMainPort ? [MetricsController] : [],
      providers: [MetricsService, MetricsServer],
      exports: [MetricsService],
    };
  }
}
