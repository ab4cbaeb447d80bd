import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { TenantDatabase } from '../database/door/tenant-database';
import { type MessageRow, MessagesService, toChatMessage } from '../messages';
import { type SessionRow, SessionsService } from '../sessions';
import type { GetStateQuery, LeanState, StateMessage, StateView } from './state.dto';

/** Loads sessions as whole documents. */
@Injectable()
export class StateService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly sessions: SessionsService,
    private readonly messages: MessagesService,
  ) {}

  /** Session and messages of one moment, so that saving it with its version loses nothing. @throws SESSION_NOT_FOUND */
  async load(principal: Principal, id: string, { fields }: GetStateQuery): Promise<StateView | LeanState> {
    await this.sessions.noteRead(principal, id);
    return this.db.read(principal, async (tx) => {
      const session = await this.sessions.find(tx, principal, id);
      const rows = await this.messages.rows(tx, principal, session.thread_id);
      const history = rows.map(toStateMessage);
      if (fields === 'lean') return { messages: history, token_count: session.token_count };
      return this.toState(session, history);
    });
  }

  private toState(session: SessionRow, history: StateMessage[]): StateView {
    const { variables: _, ...view } = this.sessions.toView(session);
    return { ...view, metadata: toMetadata(session), notebook_variables: session.variables, history };
  }
}

/** Metadata that was saved is shown as it was saved; a write after that tells when it was, as clients expect (G08, G09). */
function toMetadata({ metadata, saved_version, version, created_at, updated_at }: SessionRow): Record<string, unknown> {
  if (saved_version === version) return metadata;
  return { ...metadata, created_at: created_at.toISOString(), last_updated: updated_at.toISOString() };
}

/**
 * Equal to what was sent, so that a state can be compared with the one that was saved. What a message cost, and its tokens as
 * the model counted them, come along: saved behind a changed message, it is stored anew.
 */
function toStateMessage(row: MessageRow): StateMessage {
  const { metadata, ...message } = toChatMessage(row);
  const cost = Number(row.cost);
  return {
    ...message,
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(row.client_timestamp === null ? {} : { timestamp: row.client_timestamp }),
    ...(cost > 0 ? { cost, token_count: row.token_count } : {}),
  };
}
