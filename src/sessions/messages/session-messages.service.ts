import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { SharedSession, Target } from '../../threads';
import {
  type AppendMessage,
  type AppendMessages,
  type AppendOptions,
  type AppendResult,
  AppendService,
  MessagesService,
  toSessionMessage,
} from '../../messages';
import { SessionAppendTargets } from '../opening/session-append-targets';
import { DEFAULT_TURNS, toHistory } from '../session-views';
import type { SessionHistory, SessionHistoryQuery, SessionMessageList, SessionMessagesQuery } from '../sessions.dto';
import { SessionsService } from '../sessions.service';

/** A session's messages: those of its thread, through the same services. The session may be somebody else's. */
@Injectable()
export class SessionMessagesService {
  constructor(
    private readonly appends: AppendService,
    private readonly messages: MessagesService,
    private readonly sessions: SessionsService,
    private readonly targets: SessionAppendTargets,
  ) {}

  /**
   * A session of the caller's is made if it is not there (C10); one of somebody else's never is.
   * @throws as `AppendService.append` and `SessionOpeningService.open`, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE
   */
  async append(
    principal: Principal,
    session: Target | SharedSession,
    body: AppendMessage | AppendMessages,
    options: AppendOptions,
  ): Promise<AppendResult> {
    const target =
      session.by === 'shared'
        ? {
            ...this.appends.targetOf(principal, await this.sessions.threadOf(principal, session)),
            view: toSessionMessage,
          }
        : this.targets.of(principal, session.id);
    return this.appends.appendTo(principal, target, body, options);
  }

  /** @throws SESSION_NOT_FOUND, INVALID_CURSOR */
  async list(
    principal: Principal,
    session: Target | SharedSession,
    { provider: _, owner_id: __, ...query }: SessionMessagesQuery,
  ): Promise<SessionMessageList> {
    // An empty page only counts, which is no read (P32).
    const isRead = query.limit !== 0 || session.by === 'shared';
    const target = isRead ? await this.sessions.toRead(principal, session) : session;
    return this.messages.list(principal, target, query, toSessionMessage);
  }

  /** The newest entries in the notebook's form: exactly role and content (N11 to N14). @throws SESSION_NOT_FOUND */
  async history(
    principal: Principal,
    session: Target | SharedSession,
    { max_turns: count = DEFAULT_TURNS, as_of: asOf }: SessionHistoryQuery,
  ): Promise<SessionHistory> {
    const target = await this.sessions.toRead(principal, session);
    return toHistory(session.id, await this.messages.newest(principal, target, count, { asOf }));
  }
}
