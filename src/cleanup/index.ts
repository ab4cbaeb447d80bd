export { CleanupView, RunCleanup } from './cleanup.dto';
export { CleanupModule } from './cleanup.module';
export { checkSchedule } from './cleanup.schedule';
export { CleanupService } from './cleanup.service';
