import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { MessagesModule } from '../messages';
import { SessionsModule } from '../sessions';
import { ThreadsModule } from '../threads';
import { BranchingService } from './branching.service';
import { EditOrBranchController } from './edit-or-branch.controller';
import { SessionForkingController, ThreadForkingController } from './forking.controller';
import { ForkingRepository } from './forking.repository';
import { ForkingService } from './forking.service';
import { LineageService } from './lineage.service';
import { ThreadCopies } from './thread-copies';

/** Copies of threads and sessions, in which a conversation goes on in another way. */
@Module({
  imports: [ThreadsModule, MessagesModule, SessionsModule, IdempotencyModule],
  controllers: [ThreadForkingController, SessionForkingController, EditOrBranchController],
  providers: [ForkingService, BranchingService, LineageService, ThreadCopies, ForkingRepository],
})
export class ForkingModule {}
