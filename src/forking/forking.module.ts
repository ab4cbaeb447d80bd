import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { MessagesModule } from '../messages/messages.module';
import { SessionsModule } from '../sessions/sessions.module';
import { ThreadsModule } from '../threads/threads.module';
import { Branches } from './branches';
import { BranchingService } from './branching.service';
import { ForkingRepository } from './forking.repository';
import { LineageController } from './lineage.controller';
import { LineageRepository } from './lineage.repository';
import { LineageService } from './lineage.service';
import { MessageEditingController } from './edit-or-branch.controller';
import { SessionForkingController } from './session-forking.controller';
import { SessionForkingService } from './session-forking.service';
import { ThreadCopies } from './thread-copies';
import { ThreadForkingController } from './thread-forking.controller';
import { ThreadForkingService } from './thread-forking.service';

/** Copies of threads and sessions, in which a conversation goes on in another way. */
@Module({
  imports: [ThreadsModule, MessagesModule, SessionsModule, IdempotencyModule],
  controllers: [ThreadForkingController, SessionForkingController, MessageEditingController, LineageController],
  providers: [
    ThreadForkingService,
    SessionForkingService,
    BranchingService,
    Branches,
    LineageService,
    LineageRepository,
    ThreadCopies,
    ForkingRepository,
  ],
  exports: [ThreadForkingService, SessionForkingService],
})
export class ForkingModule {}
