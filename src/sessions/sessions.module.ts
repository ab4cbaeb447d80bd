import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { MessagesModule } from '../messages/messages.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { ThreadsModule } from '../threads/threads.module';
import { SessionChangesService } from './session-changes.service';
import { SessionDocumentsController } from './session-documents.controller';
import { SessionDocumentsService } from './session-documents.service';
import { SessionListRepository } from './session-list.repository';
import { SessionListService } from './session-list.service';
import { SessionMessagesController } from './session-messages.controller';
import { SessionMessagesService } from './session-messages.service';
import { SessionOpeningService } from './session-opening.service';
import { SessionPlaces } from './session-places';
import { SessionSettingsService } from './session-settings.service';
import { SessionTurnWriter } from './session-turn-writer';
import { SessionTurnsRepository } from './session-turns.repository';
import { SessionTurnsService } from './session-turns.service';
import { SessionUndoController } from './session-undo.controller';
import { SessionsController } from './sessions.controller';
import { SessionsRepository } from './sessions.repository';
import { SessionsService } from './sessions.service';
import { SharedSessionMessagesService } from './shared-session-messages.service';
import { SharedSessionsRepository } from './shared-sessions.repository';
import { SharedSessionsService } from './shared-sessions.service';

/** Sessions: named, expiring handles on threads. */
@Module({
  imports: [ThreadsModule, MessagesModule, IdempotencyModule, OrganizationsModule],
  controllers: [SessionsController, SessionMessagesController, SessionDocumentsController, SessionUndoController],
  providers: [
    SessionsService,
    SessionOpeningService,
    SessionSettingsService,
    SessionListService,
    SessionMessagesService,
    SessionDocumentsService,
    SessionChangesService,
    SessionPlaces,
    SessionTurnsService,
    SessionTurnWriter,
    SessionTurnsRepository,
    SessionsRepository,
    SessionListRepository,
    SharedSessionsService,
    SharedSessionMessagesService,
    SharedSessionsRepository,
  ],
  exports: [
    SessionsService,
    SessionOpeningService,
    SessionChangesService,
    SessionMessagesService,
    SessionTurnsService,
    SharedSessionsService,
  ],
})
export class SessionsModule {}
