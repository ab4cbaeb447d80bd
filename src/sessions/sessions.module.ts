import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module';
import { MessagesModule } from '../messages/messages.module';
import { OrganizationsModule } from '../organizations/organizations.module';
import { ThreadsModule } from '../threads/threads.module';
import { SessionChangesService } from './settings/session-changes.service';
import { SessionDocumentsController } from './settings/session-documents.controller';
import { SessionDocumentsService } from './settings/session-documents.service';
import { SessionListRepository } from './list/session-list.repository';
import { SessionListService } from './list/session-list.service';
import { SessionMessagesController } from './messages/session-messages.controller';
import { SessionMessagesService } from './messages/session-messages.service';
import { SessionOpeningService } from './opening/session-opening.service';
import { SessionAppendTargets } from './opening/session-append-targets';
import { SessionSettingsService } from './settings/session-settings.service';
import { AgentTurnWriter } from './turns/agent-turn-writer';
import { AgentTurnsRepository } from './turns/agent-turns.repository';
import { AgentTurnsService } from './turns/agent-turns.service';
import { SessionUndoController } from './session-undo.controller';
import { SessionsController } from './sessions.controller';
import { SessionsRepository } from './sessions.repository';
import { SessionsService } from './sessions.service';
import { SharedSessionMessagesService } from './shared/shared-session-messages.service';
import { SharedSessionsRepository } from './shared/shared-sessions.repository';
import { SharedSessionsService } from './shared/shared-sessions.service';

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
    SessionAppendTargets,
    AgentTurnsService,
    AgentTurnWriter,
    AgentTurnsRepository,
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
    AgentTurnsService,
    SharedSessionsService,
  ],
})
export class SessionsModule {}
