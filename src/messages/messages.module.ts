import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { ThreadsModule } from '../threads/threads.module';
import { AppendReplay } from './append-replay';
import { AppendRequests } from './append-request';
import { AppendWriter } from './append-writer';
import { AppendService } from './append.service';
import { CurrentMessagesController } from './current-messages.controller';
import { MessageEditsRepository } from './message-edits.repository';
import { MessageEditsService } from './message-edits.service';
import { MessageRemovalsRepository } from './message-removals.repository';
import { MessageRemovalsService } from './message-removals.service';
import { MessageReplacementService } from './message-replacement.service';
import { MessagesController } from './messages.controller';
import { MessagesRepository } from './messages.repository';
import { MessagesService } from './messages.service';
import { ThreadMessagesController } from './thread-messages.controller';

@Module({
  imports: [ThreadsModule, IdempotencyModule],
  controllers: [CurrentMessagesController, ThreadMessagesController, MessagesController],
  providers: [
    AppendService,
    AppendRequests,
    AppendWriter,
    AppendReplay,
    MessagesService,
    MessageEditsService,
    MessageRemovalsService,
    MessageRemovalsRepository,
    MessageReplacementService,
    MessagesRepository,
    MessageEditsRepository,
  ],
  exports: [AppendService, MessagesService, MessageEditsService, MessageRemovalsService, MessageReplacementService],
})
export class MessagesModule {}
