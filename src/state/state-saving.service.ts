import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { commonErrors } from '../common/errors';
import { checkVersion, precondition } from '../http/request/versions';
import { TenantDatabase } from '../database/door/tenant-database';
import { type MessageInput, MessageReplacementService } from '../messages';
import { SessionOpeningService, SessionPatchService, type SessionRow } from '../sessions';
import { ownerOf } from '../threads';
import type { SaveState } from './state.dto';
import { stateErrors } from './state.errors';

/** A session as it was saved, and whether the save made it. */
interface SavedState {
  created: boolean;
  session: SessionRow;
}

/** Saves sessions as whole documents. */
@Injectable()
export class StateSavingService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly opening: SessionOpeningService,
    private readonly history: MessageReplacementService,
    private readonly patches: SessionPatchService,
  ) {}

  /**
   * Stores a state in place of what is there, all or nothing; an unknown session is made. Without a version the last
   * save wins; with one, a save that rests on an older state is refused (P48).
   * @throws STATE_INVALID, VERSION_CONFLICT, PRECONDITION_FAILED, MESSAGE_ID_CONFLICT, METADATA_TOO_LARGE
   */
  async replace(principal: Principal, id: string, body: SaveState, ifMatch?: number): Promise<SavedState> {
    const history = historyOf(body);
    const { notebook_variables, variables = notebook_variables, ...settings } = body;
    checkIds(principal, id, body);
    const prepared = await this.history.prepare(principal, history);
    return this.db.run(principal, async (tx) => {
      const { notebook_id: notebookId } = settings;
      const { session, created } = await this.opening.open(tx, principal, id, { notebookId });
      // What was not there had no version that a save could rest on.
      checkVersion(precondition(ifMatch, body), created ? 0 : session.version);
      await this.opening.renewLifetime(tx, session, notebookId === undefined ? session.notebook_id : notebookId);
      await this.history.replaceHistory(tx, principal, session, prepared);
      return { created, session: await this.patches.replace(tx, principal, session, { ...settings, variables }) };
    });
  }
}

/** @throws STATE_INVALID */
function historyOf({ history, messages, variables, notebook_variables }: SaveState): MessageInput[] {
  const list = history ?? messages;
  if (list === undefined)
    throw stateErrors.STATE_INVALID('history is required: an array of messages, which may be empty');
  if (history && messages) throw stateErrors.STATE_INVALID('history and messages are the same thing: send one');
  if (variables && notebook_variables) {
    throw stateErrors.STATE_INVALID('variables and notebook_variables are the same thing: send one');
  }
  return list;
}

/**
 * A state belongs to its session and its owner: it cannot be saved as another's.
 * @throws STATE_INVALID, INVALID_ID, OTHER_USER, OTHER_ORGANIZATION
 */
function checkIds(principal: Principal, id: string, body: SaveState): void {
  const { user_id, org_id } = body;
  for (const name of ['session_id', 'conversation_id'] as const) {
    if (body[name] !== undefined && body[name] !== id) throw commonErrors.INVALID_ID(name, 'is not the id in the path');
  }
  if (ownerOf(principal, { user_id, org_id }) !== principal.userId) {
    throw stateErrors.STATE_INVALID('user_id is not the owner');
  }
}
