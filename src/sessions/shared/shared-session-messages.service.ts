import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { byThread } from '../../threads/thread-access';
import {
  type AppendBody,
  type AppendOptions,
  type AppendResult,
  AppendService,
} from '../../messages/append/append.service';
import { MessagesService } from '../../messages/read/messages.service';
import { DEFAULT_TURNS, toHistory, toSessionMessage } from '../session-views';
import type { SessionHistory, SessionHistoryQuery, SessionMessageList, SessionMessagesQuery } from '../sessions.dto';
import { SharedSessionsService } from './shared-sessions.service';

/** A session of somebody else's. */
interface SharedSession {
  ownerId: string;
  id: string;
}

/** The messages of sessions of others: those of the thread under them. */
@Injectable()
export class SharedSessionMessagesService {
  constructor(
    private readonly shared: SharedSessionsService,
    private readonly appends: AppendService,
    private readonly messages: MessagesService,
  ) {}

  /** Never makes a session for its owner. @throws as `AppendService.append`, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE */
  async append(
    principal: Principal,
    { ownerId, id }: SharedSession,
    body: AppendBody,
    options: AppendOptions,
  ): Promise<AppendResult> {
    const target = this.appends.targetOf(principal, await this.shared.threadOf(principal, ownerId, id));
    return this.appends.appendTo(principal, { ...target, view: toSessionMessage }, body, options);
  }

  /** @throws SESSION_NOT_FOUND, INVALID_CURSOR */
  async list(
    principal: Principal,
    { ownerId, id }: SharedSession,
    query: SessionMessagesQuery,
  ): Promise<SessionMessageList> {
    const threadId = await this.shared.threadOf(principal, ownerId, id);
    const { provider: _, ...page } = query;
    return this.messages.list(principal, byThread(threadId), page, toSessionMessage);
  }

  /** @throws SESSION_NOT_FOUND */
  async history(
    principal: Principal,
    { ownerId, id }: SharedSession,
    query: SessionHistoryQuery,
  ): Promise<SessionHistory> {
    const threadId = await this.shared.threadOf(principal, ownerId, id);
    return toHistory(id, await this.messages.newest(principal, byThread(threadId), query.max_turns ?? DEFAULT_TURNS));
  }
}
