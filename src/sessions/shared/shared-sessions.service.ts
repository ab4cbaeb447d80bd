import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { TenantDatabase } from '../../database/door/tenant-database';
import { bySession, byThread } from '../../threads/thread-access';
import { MessagesService } from '../../messages/read/messages.service';
import { notFound } from '../../threads/threads.service';
import { toReaderView, toSessionMessage } from '../session-views';
import type { GetSessionQuery, SessionView } from '../sessions.dto';
import { SessionsService } from '../sessions.service';
import { SharedSessionsRepository } from './shared-sessions.repository';

const MOST_MESSAGES = 1000;

/** Whether a request names somebody else's session. */
export const isOthers = (caller: Principal, ownerId: string | undefined): ownerId is string =>
  ownerId !== undefined && ownerId !== caller.userId;

/**
 * Sessions of others, whose owner the request names. An id alone is never somebody else's: any colleague could otherwise
 * plant a conversation under the ids that an application uses for the caller. Reading one keeps nobody's session alive.
 */
@Injectable()
export class SharedSessionsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: SharedSessionsRepository,
    private readonly sessions: SessionsService,
    private readonly messages: MessagesService,
  ) {}

  /** Without what is the owner's alone, unless for an admin. @throws SESSION_NOT_FOUND */
  async get(
    principal: Principal,
    ownerId: string,
    id: string,
    { include }: Omit<GetSessionQuery, 'owner_id'> = {},
  ): Promise<SessionView> {
    const row = await this.db.readOne(principal, (tx) => this.rows.find(tx, principal, ownerId, id));
    if (!row) throw notFound(bySession(id));
    const whole = this.sessions.toView(row);
    const view = principal.seesOrganization ? whole : toReaderView(whole);
    if (!include) return view;
    const { rows } = await this.messages.newest(principal, byThread(row.thread_id), MOST_MESSAGES);
    return { ...view, messages: rows.map(toSessionMessage) };
  }

  /**
   * The thread under such a session, for services that work on threads. Each of their statements asks again whether the
   * caller may, so that nobody gets through between the two.
   * @throws SESSION_NOT_FOUND
   */
  async threadOf(principal: Principal, ownerId: string, id: string): Promise<string> {
    const threadId = await this.db.readOne(principal, (tx) => this.rows.findThread(tx, principal, ownerId, id));
    if (!threadId) throw notFound(bySession(id));
    return threadId;
  }
}
