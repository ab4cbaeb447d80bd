import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { ThreadsModule } from '../threads';
import { AppendWriter } from './append/append-writer';
import { AppendRepository } from './append/append.repository';
import { AppendService } from './append/append.service';
import { GroupCommitService } from './append/group-commit.service';
import { CurrentMessagesController } from './current-messages.controller';
import { ChangeLogRepository } from './edit/change-log.repository';
import { EditsRepository } from './edit/edits.repository';
import { EditsService } from './edit/edits.service';
import { HeldThreads } from './edit/held-threads';
import { MessageImportRepository } from './import/message-import.repository';
import { MessageImportService } from './import/message-import.service';
import { FeedRepository } from './feed/feed.repository';
import { FeedService } from './feed/feed.service';
import { MessageRemovalsRepository } from './remove/message-removals.repository';
import { MessageRemovals } from './remove/message-removals';
import { MessageReplacementService } from './remove/message-replacement.service';
import { MessageTruncationService } from './remove/message-truncation.service';
import { MessageDeletionService } from './remove/message-deletion.service';
import { MessageTrashService } from './remove/message-trash.service';
import { MessageTrashRepository } from './remove/message-trash.repository';
import { MessageUndoService } from './undo/message-undo.service';
import { SessionUndoController, ThreadUndoController } from './undo/undo.controller';
import { ThreadTrashMessagesController } from './remove/thread-trash-messages.controller';
import { MessageUndoRepository } from './undo/message-undo.repository';
import { MessagesController } from './messages.controller';
import { MessagesRepository } from './read/messages.repository';
import { MessagesService } from './read/messages.service';
import { ThreadMessagesController } from './thread-messages.controller';
import { ThreadController } from './read/thread.controller';

@Module({
  imports: [ThreadsModule, IdempotencyModule],
  controllers: [
    CurrentMessagesController,
    ThreadController,
    ThreadMessagesController,
    ThreadTrashMessagesController,
    ThreadUndoController,
    SessionUndoController,
    MessagesController,
  ],
  providers: [
    AppendService,
    GroupCommitService,
    AppendWriter,
    AppendRepository,
    MessagesService,
    MessagesRepository,
    EditsService,
    EditsRepository,
    HeldThreads,
    ChangeLogRepository,
    MessageDeletionService,
    MessageTruncationService,
    MessageReplacementService,
    MessageTrashService,
    MessageRemovals,
    MessageRemovalsRepository,
    MessageTrashRepository,
    MessageUndoService,
    MessageUndoRepository,
    FeedService,
    FeedRepository,
    MessageImportService,
    MessageImportRepository,
  ],
  exports: [
    AppendService,
    MessagesService,
    EditsService,
    MessageDeletionService,
    MessageTruncationService,
    MessageReplacementService,
    MessageUndoService,
    FeedService,
    MessageImportService,
  ],
})
export class MessagesModule {}
