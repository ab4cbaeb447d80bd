import { Module } from '@nestjs/common';
import { Lifecycle } from '../http/server/lifecycle';
import { HealthController } from './health.controller';
import { HealthService } from './health.service';
import { HomeController } from './home.controller';

/** What runs here, probes, and the state of this instance. */
@Module({
  controllers: [HealthController, HomeController],
  providers: [HealthService, Lifecycle],
  exports: [Lifecycle],
})
export class HealthModule {}
