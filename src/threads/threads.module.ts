import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { OrganizationsModule } from '../organizations';
import { CurrentThreadController } from './current/current-thread.controller';
import { CurrentThreadService } from './current/current-thread.service';
import { ThreadCreationService } from './thread-creation.service';
import { ThreadListRepository } from './list/thread-list.repository';
import { ThreadListService } from './list/thread-list.service';
import { ThreadTrashController } from './trash/thread-trash.controller';
import { ThreadTrashRepository } from './trash/thread-trash.repository';
import { ThreadTrashService } from './trash/thread-trash.service';
import { ThreadsController } from './threads.controller';
import { ThreadsRepository } from './threads.repository';
import { ThreadsService } from './threads.service';

/** Threads and their routes, but for those that show messages too: the messages module stands on this one. */
@Module({
  imports: [IdempotencyModule, OrganizationsModule],
  controllers: [CurrentThreadController, ThreadTrashController, ThreadsController],
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
