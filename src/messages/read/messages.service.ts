import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { isUuid } from '../../common/ids';
import { encodeCursor } from '../../http/request/paging';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { byThread, type Target } from '../../threads/thread-access';
import type { ThreadView } from '../../threads/threads.dto';
import { checkTarget, ThreadsService } from '../../threads/threads.service';
import { MessageReader, newestSlice, type Reading, seqIn, seqOf } from './message-reader';
import { toChatMessage, toMessageView, toPrompt } from './message-views';
import type { MessageRow } from '../message.entity';
import type { ChatHistory, HistoryQuery, MessageView } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import { MessagesRepository } from './messages.repository';

export { textOf } from '../message-content';
export { cutBefore } from '../tool-units';
export { toChatMessage, toMessageView } from './message-views';
export { MESSAGE_COLUMNS } from './messages.repository';

/** The newest messages of a thread, oldest first. */
export interface Newest {
  rows: MessageRow[];
  total: number;
  hasMore: boolean;
}

const DEFAULT_HISTORY = 20;
/** The most messages of a history that is bounded by tokens (F32, F33). */
const HISTORY_IN_BUDGET = 100;
const MOST_MESSAGES = 1000;

/** Reads messages. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly messages: MessagesRepository,
    private readonly threads: ThreadsService,
    private readonly reader: MessageReader,
  ) {}

  /** @throws MESSAGE_NOT_FOUND */
  async get(principal: Principal, id: string): Promise<MessageView> {
    checkMessageId(id);
    return toMessageView(await this.db.readOne(principal, (tx) => this.find(tx, principal, id), { rows: 1 }));
  }

  /** The same as a row, inside a transaction of another service. @throws MESSAGE_NOT_FOUND */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<MessageRow> {
    const row = await this.messages.find(tx, principal, id);
    if (!row) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return row;
  }

  /** The newest messages as a model takes them, or as prompt text. @throws THREAD_NOT_FOUND, INVALID_CURSOR */
  async history(principal: Principal, target: Target, query: HistoryQuery): Promise<ChatHistory | string> {
    const budget = query.max_tokens ?? Infinity;
    const fallback = budget === Infinity ? DEFAULT_HISTORY : HISTORY_IN_BUDGET;
    const limit = query.limit ?? query.max_messages ?? query.last_n ?? fallback;
    const newest = await this.newest(principal, target, limit, {
      beforeSeq: seqIn(query),
      asOf: query.as_of,
    });
    const rows = withinTokens(newest.rows, budget);
    if (query.format === 'prompt') return toPrompt(rows, query.include_system === 'true');
    const has_more = newest.hasMore || rows.length < newest.rows.length;
    const next_cursor = has_more ? encodeCursor(seqOf(rows[0])) : null;
    return { data: rows.map(toChatMessage), has_more, next_cursor, total: newest.total };
  }

  /** A thread with its newest 1000 messages, oldest first (F05). @throws THREAD_NOT_FOUND */
  async threadWithMessages(principal: Principal, target: Target): Promise<ThreadView> {
    checkTarget(target);
    return this.db.read(principal, async (tx) => {
      const thread = await this.threads.getIn(tx, principal, target);
      const page = await this.messages.list(tx, principal, target, {
        order: 'desc',
        limit: MOST_MESSAGES,
        offset: 0,
      });
      const rows = page?.rows.reverse() ?? [];
      return { ...thread, chat_messages: rows.map(toMessageView) };
    });
  }

  /** The newest messages, oldest first, as rows; for services that show them in their own way. @throws THREAD_NOT_FOUND */
  async newest(principal: Principal, target: Target, count: number, bounds: Partial<Reading> = {}): Promise<Newest> {
    const { rows, total } = await this.reader.read(principal, target, { ...bounds, ...newestSlice(count) });
    return { rows: rows.slice(0, count).reverse(), total, hasMore: rows.length > count };
  }

  /** Every message of a thread, oldest first: the cost grows with the thread. Inside a transaction of another service. */
  async allOf(tx: TenantTx, principal: Principal, threadId: string): Promise<MessageRow[]> {
    const all = { order: 'asc', limit: Number.MAX_SAFE_INTEGER, offset: 0 } as const;
    return (await this.messages.list(tx, principal, byThread(threadId), all))?.rows ?? [];
  }
}

/** The newest rows that add up to no more than a budget; the last one stays whatever it counts (F33). */
function withinTokens(rows: MessageRow[], budget: number): MessageRow[] {
  let first = Math.max(0, rows.length - 1);
  let room = budget - (rows[first]?.token_count ?? 0);
  while (first > 0 && room >= rows[first - 1].token_count) room -= rows[(first -= 1)].token_count;
  return rows.slice(first);
}

/** @throws MESSAGE_NOT_FOUND */
export function checkMessageId(id: string): void {
  if (!isUuid(id)) throw messageErrors.MESSAGE_NOT_FOUND(id);
}
