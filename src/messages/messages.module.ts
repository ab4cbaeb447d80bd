import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { ThreadsModule } from '../threads/threads.module';
import { AppendWriter } from './append/append-writer';
import { AppendRepository } from './append/append.repository';
import { AppendService } from './append/append.service';
import { GroupCommitService } from './append/group-commit.service';
import { CurrentMessagesController } from './current-messages.controller';
import { MessageChangesRepository } from './edit/message-changes.repository';
import { MessageChangesService } from './edit/message-changes.service';
import { MessageCondensingService } from './remove/message-condensing.service';
import { MessageEditsRepository } from './edit/message-edits.repository';
import { MessageEditsService } from './edit/message-edits.service';
import { MessageImportRepository } from './import/message-import.repository';
import { MessageImportService } from './import/message-import.service';
import { MessageFeedRepository } from './feed/message-feed.repository';
import { MessageFeedService } from './feed/message-feed.service';
import { MessageRemovalsRepository } from './remove/message-removals.repository';
import { MessageRemovalsService } from './remove/message-removals.service';
import { MessageReplacementService } from './remove/message-replacement.service';
import { MessageTruncationService } from './remove/message-truncation.service';
import { MessageArchiveService } from './edit/message-archive.service';
import { MessageDeletionService } from './remove/message-deletion.service';
import { MessageRestoringService } from './remove/message-restoring.service';
import { MessageRevisionsRepository } from './edit/message-revisions.repository';
import { MessageThreads } from './edit/message-threads';
import { MessageTrash } from './remove/message-trash';
import { MessageTrashController } from './remove/message-trash.controller';
import { MessageTrashRepository } from './remove/message-trash.repository';
import { MessageUndoService } from './undo/message-undo.service';
import { ThreadTrashMessagesController } from './remove/thread-trash-messages.controller';
import { SessionUndoController, ThreadUndoController } from './undo/undo.controller';
import { TurnHistory } from './undo/turn-history';
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
    MessageTrashController,
  ],
  providers: [
    AppendService,
    AppendWriter,
    AppendRepository,
    GroupCommitService,
    MessagesService,
    MessageEditsService,
    MessageRemovalsService,
    MessageRemovalsRepository,
    MessageReplacementService,
    MessageCondensingService,
    MessageTruncationService,
    MessagesRepository,
    MessageEditsRepository,
    MessageChangesService,
    MessageChangesRepository,
    MessageFeedService,
    MessageFeedRepository,
    MessageArchiveService,
    MessageDeletionService,
    MessageRestoringService,
    MessageRevisionsRepository,
    MessageThreads,
    MessageTrash,
    MessageTrashRepository,
    MessageUndoService,
    TurnHistory,
    MessageImportService,
    MessageImportRepository,
  ],
  exports: [
    MessageFeedService,
    MessageDeletionService,
    MessageUndoService,
    AppendService,
    MessagesService,
    MessageEditsService,
    MessageRemovalsService,
    MessageReplacementService,
    MessageCondensingService,
    MessageTruncationService,
    MessageChangesService,
    MessageImportService,
  ],
})
export class MessagesModule {}
