import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { bySession } from '../../threads/thread-access';
import { type AppendOptions, type AppendResult, AppendService } from '../../messages/append/append.service';
import type { AppendMessage, AppendMessages } from '../../messages/messages.dto';
import { MessagesService } from '../../messages/read/messages.service';
import { SessionAppendTargets } from '../opening/session-append-targets';
import { DEFAULT_TURNS, toHistory, toSessionMessage } from '../session-views';
import type { SessionHistory, SessionHistoryQuery, SessionMessageList, SessionMessagesQuery } from '../sessions.dto';
import { SessionsService } from '../sessions.service';

export { toSessionMessage } from '../session-views';

/** A session's messages: those of its thread, through the same services. */
@Injectable()
export class SessionMessagesService {
  constructor(
    private readonly appends: AppendService,
    private readonly messages: MessagesService,
    private readonly sessions: SessionsService,
    private readonly targets: SessionAppendTargets,
  ) {}

  /** The session is made if it is not there (C10). @throws as `AppendService.append` and `SessionOpeningService.open` */
  append(
    principal: Principal,
    id: string,
    body: AppendMessage | AppendMessages,
    options: AppendOptions,
  ): Promise<AppendResult> {
    return this.appends.appendTo(principal, this.targets.of(principal, id), body, options);
  }

  /** @throws SESSION_NOT_FOUND, INVALID_CURSOR */
  async list(principal: Principal, id: string, query: SessionMessagesQuery): Promise<SessionMessageList> {
    // An empty page only counts, which is no read (P32).
    if (query.limit !== 0) await this.sessions.noteRead(principal, id);
    const { provider: _, ...page } = query;
    return this.messages.list(principal, bySession(id), page, toSessionMessage);
  }

  /** The newest entries in the notebook's form: exactly role and content (N11 to N14). @throws SESSION_NOT_FOUND */
  async history(principal: Principal, id: string, query: SessionHistoryQuery): Promise<SessionHistory> {
    await this.sessions.noteRead(principal, id);
    const { max_turns: count = DEFAULT_TURNS, as_of: asOf } = query;
    return toHistory(id, await this.messages.newest(principal, bySession(id), count, { asOf }));
  }
}
