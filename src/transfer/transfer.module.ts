import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { MessagesModule } from '../messages/messages.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { SessionsModule } from '../sessions/sessions.module';
import { ThreadsModule } from '../threads/threads.module';
import { ConversationImportService } from './import/conversation-import.service';
import { ConversationReader } from './import/conversation-parser.service';
import { ConversationWriter } from './export/conversation-export.service';
import { ExportSlots } from './export/export-slots';
import { ExportRepository } from './export/export.repository';
import { ExportService } from './export/export.service';
import { ImportRepository } from './import/import.repository';
import { ImportRequests } from './import/import-requests.service';
import { ImportService } from './import/import.service';
import { SessionTransferController } from './session-transfer.controller';
import { ThreadTransferController } from './thread-transfer.controller';

/** Conversations as files: out, and in again. */
@Module({
  imports: [ThreadsModule, MessagesModule, SessionsModule, OrganizationsModule, IdempotencyModule],
  controllers: [ThreadTransferController, SessionTransferController],
  providers: [
    ExportService,
    ExportSlots,
    ConversationWriter,
    ExportRepository,
    ImportRequests,
    ImportService,
    ConversationReader,
    ConversationImportService,
    ImportRepository,
  ],
  exports: [ExportService, ImportRequests],
})
export class TransferModule {}
