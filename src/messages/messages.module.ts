import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { ThreadsModule } from '../threads/threads.module';
import { AppendEventsService } from './append-events.service';
import { AppendGroupsRepository } from './append-groups.repository';
import { AppendGroupsService } from './append-groups.service';
import { AppendStore } from './append-store';
import { AppendReplay } from './append-replay';
import { AppendRequests } from './append-request';
import { AppendWriter } from './append-writer';
import { AppendService } from './append.service';
import { CurrentMessagesController } from './current-messages.controller';
import { MessageChangesRepository } from './message-changes.repository';
import { MessageChangesService } from './message-changes.service';
import { MessageCondensingService } from './message-condensing.service';
import { MessageEditsRepository } from './message-edits.repository';
import { MessageEditsService } from './message-edits.service';
import { MessageImportRepository } from './message-import.repository';
import { MessageImportService } from './message-import.service';
import { MessageFeedRepository } from './message-feed.repository';
import { MessageFeedService } from './message-feed.service';
import { MessageRemovalsRepository } from './message-removals.repository';
import { MessageRemovalsService } from './message-removals.service';
import { MessageRangesRepository } from './message-ranges.repository';
import { MessageRangesService } from './message-ranges.service';
import { MessageReplacementService } from './message-replacement.service';
import { MessageTruncationService } from './message-truncation.service';
import { MessageArchiveService } from './message-archive.service';
import { MessageDeletionService } from './message-deletion.service';
import { MessageRestoringService } from './message-restoring.service';
import { MessageRevisionsRepository } from './message-revisions.repository';
import { MessageThreads } from './message-threads';
import { MessageTrash } from './message-trash';
import { MessageTrashController } from './message-trash.controller';
import { MessageTrashRepository } from './message-trash.repository';
import { MessageUndoService } from './message-undo.service';
import { ThreadTrashMessagesController } from './thread-trash-messages.controller';
import { TurnHistory } from './turn-history';
import { MessageWindowsRepository } from './message-windows.repository';
import { MessageWindowsService } from './message-windows.service';
import { MessagesController } from './messages.controller';
import { MessagesRepository } from './messages.repository';
import { MessagePagesService } from './message-pages.service';
import { MessageReader } from './message-reader';
import { MessagesService } from './messages.service';
import { ThreadMessagesController } from './thread-messages.controller';

@Module({
  imports: [ThreadsModule, IdempotencyModule],
  controllers: [
    CurrentMessagesController,
    ThreadMessagesController,
    ThreadTrashMessagesController,
    MessagesController,
    MessageTrashController,
  ],
  providers: [
    AppendService,
    AppendRequests,
    AppendWriter,
    AppendReplay,
    AppendEventsService,
    AppendStore,
    AppendGroupsService,
    AppendGroupsRepository,
    MessagesService,
    MessagePagesService,
    MessageReader,
    MessageEditsService,
    MessageRemovalsService,
    MessageRemovalsRepository,
    MessageReplacementService,
    MessageRangesService,
    MessageCondensingService,
    MessageRangesRepository,
    MessageTruncationService,
    MessagesRepository,
    MessageWindowsService,
    MessageWindowsRepository,
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
    AppendEventsService,
    MessagesService,
    MessagePagesService,
    MessageWindowsService,
    MessageEditsService,
    MessageRemovalsService,
    MessageReplacementService,
    MessageRangesService,
    MessageCondensingService,
    MessageTruncationService,
    MessageChangesService,
    MessageImportService,
  ],
})
export class MessagesModule {}
