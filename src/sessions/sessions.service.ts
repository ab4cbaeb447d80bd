import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../organizations';
import { checkCount } from '../http/request/limits';
import { checkVersion, precondition } from '../http/request/versions';
import { CONFIG, type Config } from '../config/config';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { bySession, byThread, notFound, ownerOf, type SharedSession, type Target } from '../threads';
import { MessagesService, toSessionMessage } from '../messages';
import { sessionLifetime } from './opening/session-opening.service';
import { isLarge, toReaderView, toSessionView } from './session-views';
import type {
  BatchGetSessions,
  DeletedSession,
  DeletedSessions,
  DeleteSessionsQuery,
  GetSessionQuery,
  SessionBatch,
  SessionView,
} from './sessions.dto';
import type { SessionRow } from './session.entity';
import { SessionsRepository } from './sessions.repository';

const MAX_MESSAGES = 1000;

/** Shows and deletes sessions. */
@Injectable()
export class SessionsService {
  private readonly logger = new Logger('Sessions');

  constructor(
    private readonly db: TenantDatabase,
    private readonly sessions: SessionsRepository,
    private readonly messages: MessagesService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Of somebody else's session without what is the owner's alone, unless for an admin. @throws SESSION_NOT_FOUND */
  async get(
    principal: Principal,
    session: Target | SharedSession,
    { include }: Pick<GetSessionQuery, 'include'> = {},
  ): Promise<SessionView> {
    const row = await this.read(principal, session);
    const isShared = session.by === 'shared';
    const whole = this.toView(row);
    const view = isShared && !principal.seesOrganization ? toReaderView(whole) : whole;
    if (!include) return view;
    const { rows } = await this.messages.newest(principal, isShared ? byThread(row.thread_id) : session, MAX_MESSAGES);
    return { ...view, messages: rows.map(toSessionMessage) };
  }

  /**
   * What a read of a session reads, for services that work on threads. A session of the caller's lives on by it (P32). Of
   * somebody else's it is the thread under it, and keeps nobody's session alive; each statement on the thread asks again
   * whether the caller may, so that nobody gets through between the two.
   * @throws SESSION_NOT_FOUND
   */
  async toRead(principal: Principal, target: Target | SharedSession): Promise<Target> {
    if (target.by === 'shared') return byThread(await this.threadOf(principal, target));
    if (target.by === 'session') await this.noteRead(principal, target.id);
    return target;
  }

  /** The thread under a session of somebody else's. @throws SESSION_NOT_FOUND */
  async threadOf(principal: Principal, session: SharedSession): Promise<string> {
    const threadId = await this.db.readOne(principal, (tx) => this.sessions.findSharedThread(tx, principal, session));
    if (!threadId) throw notFound(session);
    return threadId;
  }

  /** Whether a session sleeps that is the caller's, or shared with the caller; `undefined`: there is none. */
  sleeps(principal: Principal, ownerId: string, id: string): Promise<boolean | undefined> {
    return this.db.readOne(principal, (tx) => this.sessions.sleeps(tx, principal, ownerId, id));
  }

  /** The session, inside a transaction of another service. @throws SESSION_NOT_FOUND */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<SessionRow> {
    const row = await this.sessions.find(tx, principal, id);
    if (!row) throw notFound(bySession(id));
    return row;
  }

  /** As the API shows it; a large one is logged too (P43). */
  toView(row: SessionRow): SessionView {
    const limit = this.config.env.SESSION_SIZE_WARNING_TOKENS;
    if (isLarge(row, limit)) {
      this.logger.warn({ msg: 'A session is large', session_id: row.id, token_count: row.token_count });
    }
    return toSessionView(row, limit);
  }

  /** Several at once; null for what is not there (P46). They count as listed, not as read. @throws TOO_MANY_ITEMS */
  async batchGet(principal: Principal, { ids }: BatchGetSessions): Promise<SessionBatch> {
    checkCount(ids, this.config.env.MESSAGE_BATCH_LIMIT);
    const rows = await this.db.readOne(principal, (tx) => this.sessions.findMany(tx, principal, ids));
    const views = new Map(rows.map((row) => [row.id, this.toView(row)]));
    return { data: ids.map((id) => views.get(id) ?? null) };
  }

  /** Deletes the session, its thread and its messages; a sleeping one too. @throws SESSION_NOT_FOUND, PRECONDITION_FAILED */
  async delete(principal: Principal, id: string, ifMatch?: number): Promise<DeletedSession> {
    await this.db.run(principal, async (tx) => {
      if (await this.sessions.delete(tx, principal, id, ifMatch)) return;
      checkVersion(precondition(ifMatch), (await this.find(tx, principal, id)).version);
      throw notFound(bySession(id));
    });
    return { status: 'cleared', session_id: id, deleted: true, success: true };
  }

  /** Deletes a user's sessions whose ids begin with a text (P16). @throws OTHER_USER, VALIDATION_FAILED */
  async deleteByPrefix(principal: Principal, query: DeleteSessionsQuery): Promise<DeletedSessions> {
    const owner = { ...principal, userId: ownerOf(principal, query) };
    const deleted = await this.db.run(principal, (tx) => this.sessions.deleteByPrefix(tx, owner, query.prefix));
    return { deleted };
  }

  private async read(principal: Principal, session: Target | SharedSession): Promise<SessionRow> {
    if (session.by !== 'shared') {
      await this.noteRead(principal, session.id);
      return this.db.readOne(principal, (tx) => this.find(tx, principal, session.id), { rows: 1 });
    }
    const row = await this.db.readOne(principal, (tx) => this.sessions.findShared(tx, principal, session));
    if (!row) throw notFound(session);
    return row;
  }

  /** A read keeps a session alive while SESSION_TTL_SECONDS is set; without it this costs nothing. @throws SESSION_NOT_FOUND */
  async noteRead(principal: Principal, id: string): Promise<void> {
    if (sessionLifetime(this.config.env, true).ttlMs === null) return;
    await this.db.runOne(principal, (tx) => this.noteReadIn(tx, principal, id), { repeatable: true });
  }

  /** The same, inside a transaction of another service. @throws SESSION_NOT_FOUND */
  async noteReadIn(tx: TenantTx, principal: Principal, id: string): Promise<void> {
    const lifetime = sessionLifetime(this.config.env, true);
    if (lifetime.ttlMs === null) return;
    if (!(await this.sessions.touch(tx, principal, id, lifetime))) throw notFound(bySession(id));
  }
}
