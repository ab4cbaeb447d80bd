import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { checkCount } from '../http/request/limits';
import { checkVersion, precondition } from '../http/request/versions';
import { CONFIG, type Config } from '../config/config';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { bySession } from '../threads/thread-access';
import { MessagesService } from '../messages/read/messages.service';
import { notFound, ownerOf } from '../threads/threads.service';
import { sessionLifetime } from './opening/session-lifetime';
import { isLarge, toSessionMessage, toSessionView } from './session-views';
import type {
  BatchGetSessions,
  DeletedSession,
  DeletedSessions,
  DeleteSessionsQuery,
  GetSessionQuery,
  SessionBatch,
  SessionView,
} from './sessions.dto';
import { type SessionRow, SessionsRepository } from './sessions.repository';

export type { SessionRow } from './sessions.repository';

const MOST_MESSAGES = 1000;

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

  /** @throws SESSION_NOT_FOUND */
  async get(principal: Principal, id: string, { include }: GetSessionQuery = {}): Promise<SessionView> {
    await this.noteRead(principal, id);
    const view = this.toView(await this.db.readOne(principal, (tx) => this.find(tx, principal, id), { rows: 1 }));
    if (!include) return view;
    const { rows } = await this.messages.newest(principal, bySession(id), MOST_MESSAGES);
    return { ...view, messages: rows.map(toSessionMessage) };
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

  /** A read keeps a session alive while SESSION_TTL_SECONDS is set; without it this costs nothing. @throws SESSION_NOT_FOUND */
  async noteRead(principal: Principal, id: string): Promise<void> {
    if (sessionLifetime(this.config.env).ttlMs === null) return;
    await this.db.runOne(principal, (tx) => this.noteReadIn(tx, principal, id), { repeatable: true });
  }

  /** The same, inside a transaction of another service. @throws SESSION_NOT_FOUND */
  async noteReadIn(tx: TenantTx, principal: Principal, id: string): Promise<void> {
    const lifetime = sessionLifetime(this.config.env);
    if (lifetime.ttlMs === null) return;
    if (!(await this.sessions.touch(tx, principal, id, lifetime))) throw notFound(bySession(id));
  }
}
