import { Module } from '@nestjs/common';
import { Lifecycle } from '../http/server/lifecycle';
import { HealthController } from './health.controller';
import { HealthService } from './health.service';

/** Probes, and the state of this instance. */
@Module({
  controllers: [HealthController],
  providers: [HealthService, Lifecycle],
  exports: [Lifecycle],
})
export class HealthModule {}
