export { Session, type SessionRow } from './session.entity';
export { DeletedSession, OwnerQuery, SessionSettings, SessionView, StoreQuery } from './sessions.dto';
export { SessionsModule } from './sessions.module';
export { SessionsService } from './sessions.service';
export { SessionMessagesService } from './messages/session-messages.service';
export { SessionOpeningService } from './opening/session-opening.service';
export { SessionPatchService } from './settings/session-patch.service';
export type { AgentTurnEnd, AgentTurnLease } from './turns/agent-turn-lease';
export { AgentTurnsService } from './turns/agent-turns.service';
