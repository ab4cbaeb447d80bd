import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ErasureModule } from '../erasure';
import { CleanupRepository } from './cleanup.repository';
import { CleanupSchedule } from './cleanup.schedule';
import { CleanupService } from './cleanup.service';

/** Scheduled removal of what has expired. */
@Module({
  imports: [ScheduleModule.forRoot(), ErasureModule],
  providers: [CleanupRepository, CleanupSchedule, CleanupService],
  exports: [CleanupService],
})
export class CleanupModule {}
