import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { MessagesModule } from '../messages';
import { OrganizationsModule } from '../organizations';
import { SessionsModule } from '../sessions';
import { ThreadsModule } from '../threads';
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
