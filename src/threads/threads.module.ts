import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { CurrentThreadService } from './current/current-thread.service';
import { ThreadCreationService } from './thread-creation.service';
import { ThreadListRepository } from './list/thread-list.repository';
import { ThreadListService } from './list/thread-list.service';
import { ThreadTrashRepository } from './trash/thread-trash.repository';
import { ThreadTrashService } from './trash/thread-trash.service';
import { ThreadsRepository } from './threads.repository';
import { ThreadsService } from './threads.service';

/** Threads without their routes: the messages module stands on it, and the routes stand on both. */
@Module({
  imports: [IdempotencyModule, OrganizationsModule],
  providers: [
    ThreadsService,
    ThreadCreationService,
    ThreadListService,
    CurrentThreadService,
    ThreadTrashService,
    ThreadTrashRepository,
    ThreadsRepository,
    ThreadListRepository,
  ],
  exports: [ThreadsService, ThreadCreationService, ThreadListService, CurrentThreadService, ThreadTrashService],
})
export class ThreadsModule {}
