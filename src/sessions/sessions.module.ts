import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { MessagesModule } from '../messages';
import { OrganizationsModule } from '../organizations';
import { SessionWaker, ThreadsModule } from '../threads';
import { SessionPatchService } from './settings/session-patch.service';
import { SessionDocumentsController } from './settings/session-documents.controller';
import { SessionDocumentsService } from './settings/session-documents.service';
import { SessionListRepository } from './list/session-list.repository';
import { SessionListService } from './list/session-list.service';
import { SessionMessagesController } from './messages/session-messages.controller';
import { SessionMessagesService } from './messages/session-messages.service';
import { SessionOpeningRepository } from './opening/session-opening.repository';
import { SessionOpeningService } from './opening/session-opening.service';
import { SessionAppendTargets } from './opening/session-append-targets';
import { SessionSettingsService } from './settings/session-settings.service';
import { AgentTurnWriter } from './turns/agent-turn-writer';
import { AgentTurnsRepository } from './turns/agent-turns.repository';
import { AgentTurnsService } from './turns/agent-turns.service';
import { SessionsController } from './sessions.controller';
import { SessionsRepository } from './sessions.repository';
import { SessionsService } from './sessions.service';

/** Sessions: named handles on threads. */
@Module({
  imports: [ThreadsModule, MessagesModule, IdempotencyModule, OrganizationsModule],
  controllers: [SessionsController, SessionMessagesController, SessionDocumentsController],
  providers: [
    SessionsService,
    SessionOpeningService,
    SessionOpeningRepository,
    SessionSettingsService,
    { provide: SessionWaker, useExisting: SessionSettingsService },
    SessionListService,
    SessionMessagesService,
    SessionDocumentsService,
    SessionPatchService,
    SessionAppendTargets,
    AgentTurnsService,
    AgentTurnWriter,
    AgentTurnsRepository,
    SessionsRepository,
    SessionListRepository,
  ],
  exports: [
    SessionsService,
    SessionOpeningService,
    SessionPatchService,
    SessionMessagesService,
    AgentTurnsService,
    SessionWaker,
  ],
})
export class SessionsModule {}
