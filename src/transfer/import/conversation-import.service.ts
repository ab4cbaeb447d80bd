import { Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../../organizations';
import { Problem } from '../../common/errors';
import { newId } from '../../common/ids';
import type { TenantTx } from '../../database/door/tenant-database';
import { MessageImportService } from '../../messages';
import { SessionOpeningService } from '../../sessions';
import type { Thread } from '../../threads';
import { type Conversation, type ImportedSession, withIds } from './conversation';
import { ImportRepository } from './import.repository';

/** How an imported conversation meets what is there. */
export interface Placing {
  /** Whether each becomes a session, also where it was none. */
  asSession: boolean;
  /** Whether it takes the place of a session under its id; else that is an error (P35). */
  overwrite: boolean;
  /** Sessions of a dry run, which makes and undoes one after the other. */
  undone?: ReadonlySet<string>;
}

/** Where a conversation went. */
export interface Placed {
  thread_id: string;
  session_id: string | null;
}

/** Stores one conversation, inside a transaction that is given. */
@Injectable()
export class ConversationImportService {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly sessions: SessionOpeningService,
    private readonly messages: MessageImportService,
    private readonly rows: ImportRepository,
  ) {}

  /**
   * A thread of the owner's, under a new id; whose it was does not matter (C47).
   * @param author who imports it, in the last argument: what it says of who wrote what is not believed (A01)
   * @param threadId made from the time that the conversation began at, since lists sort by it
   * @throws SESSION_EXISTS, SESSION_ID_RESERVED, INVALID_ID, TOO_MANY_SESSIONS
   */
  async store(
    tx: TenantTx,
    owner: Principal,
    conversation: Conversation,
    threadId: string,
    { author, ...placing }: Placing & { author: Principal },
  ): Promise<Placed> {
    const { thread, summaries, messages } = conversation;
    const key = { org_id: owner.orgId, id: threadId };
    await this.organizations.ensure(tx, owner.userId);
    const held = await this.makeSession(tx, owner, conversation, placing);
    await this.rows.insertThread(tx, key, owner.userId, thread);
    if (held) await this.rows.moveSession(tx, held, threadId, sessionOf(conversation));
    if (summaries.length > 0) await this.rows.insertSummaries(tx, key, withIds(summaries));
    await this.messages.store(tx, author, key, messages);
    return { thread_id: threadId, session_id: held?.session_id ?? null };
  }

  /** The session that the conversation is laid under: without messages, or the one that it replaces. */
  private async makeSession(
    tx: TenantTx,
    owner: Principal,
    { session }: Conversation,
    { asSession, overwrite, undone }: Placing,
  ): Promise<Thread | undefined> {
    if (!session && !asSession) return undefined;
    const id = session?.id || newId();
    const opening = { notebookId: session?.notebook_id };
    // Made again, so that this conversation meets it as it would.
    if (undone?.has(id)) await this.sessions.create(tx, owner, id);
    if (overwrite) return this.overwritten(tx, owner, id, opening.notebookId ?? null);
    try {
      return await this.sessions.create(tx, owner, id, opening);
    } catch (error) {
      // Among threads the conversation is what counts; a name that is taken is given up for a new one (C47).
      if (asSession || !(error instanceof Problem) || error.code !== 'SESSION_EXISTS') throw error;
      return this.sessions.create(tx, owner, newId(), opening);
    }
  }

  /** What is there, as the session that takes its place: of a notebook it lives as those do. */
  private async overwritten(tx: TenantTx, owner: Principal, id: string, notebookId: string | null): Promise<Thread> {
    const { session } = await this.sessions.open(tx, owner, id, { notebookId });
    await this.sessions.renewLifetime(tx, session, notebookId);
    return session;
  }
}

const sessionOf = ({ session, thread }: Conversation): ImportedSession => session ?? { created_at: thread.created_at };
