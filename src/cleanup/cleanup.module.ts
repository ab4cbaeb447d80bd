import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { CleanupRepository } from './cleanup.repository';
import { CleanupSchedule } from './cleanup.schedule';
import { CleanupService } from './cleanup.service';

/** Scheduled removal of what has expired. */
@Module({
  imports: [ScheduleModule.forRoot()],
  providers: [CleanupRepository, CleanupSchedule, CleanupService],
  exports: [CleanupService],
})
export class CleanupModule {}
