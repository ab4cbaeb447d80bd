import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { MessagesModule } from '../messages/messages.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { SessionsModule } from '../sessions/sessions.module';
import { ThreadsModule } from '../threads/threads.module';
import { ConversationImportService } from './import/conversation-import.service';
import { ConversationParser } from './import/conversation-parser';
import { ConversationExporter } from './export/conversation-exporter';
import { ExportSlots } from './export/export-slots';
import { ExportRepository } from './export/export.repository';
import { ExportService } from './export/export.service';
import { ImportRepository } from './import/import.repository';
import { ImportRequestsService } from './import/import-requests.service';
import { ImportService } from './import/import.service';
import { SessionExportController, ThreadExportController } from './export/export.controller';
import { SessionImportController, ThreadImportController } from './import/import.controller';

/** Conversations as files: out, and in again. */
@Module({
  imports: [ThreadsModule, MessagesModule, SessionsModule, OrganizationsModule, IdempotencyModule],
  controllers: [ThreadExportController, SessionExportController, ThreadImportController, SessionImportController],
  providers: [
    ExportService,
    ExportSlots,
    ConversationExporter,
    ExportRepository,
    ImportRequestsService,
    ImportService,
    ConversationParser,
    ConversationImportService,
    ImportRepository,
  ],
  exports: [ExportService, ImportRequestsService],
})
export class TransferModule {}
