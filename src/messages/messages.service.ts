import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { commonErrors } from '../common/errors';
import { isUuid } from '../common/ids';
import { timeRange } from '../common/limits';
import { decodeCursor, DEFAULT_LIMIT, toPage } from '../common/paging';
import { TenantDatabase } from '../database/tenant-database';
import type { ThreadView } from '../threads/threads.dto';
import { checkThreadId, threadNotFound, ThreadsService } from '../threads/threads.service';
import { toChatMessage, toMessageView, toPrompt } from './message-views';
import type { MessageRow } from './message.entity';
import type { ChatHistory, HistoryQuery, ListMessagesQuery, MessageList, MessageView } from './messages.dto';
import { messageErrors } from './messages.errors';
import { type MessagePage, type MessageSlice, MessagesRepository } from './messages.repository';

const DEFAULT_HISTORY = 20;
const MOST_MESSAGES = 1000;

/** Reads messages. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly messages: MessagesRepository,
    private readonly threads: ThreadsService,
  ) {}

  /** A page of a thread's messages, oldest first unless asked otherwise. @throws THREAD_NOT_FOUND, INVALID_CURSOR */
  async list(principal: Principal, threadId: string, query: ListMessagesQuery): Promise<MessageList> {
    if (query.last !== undefined) return this.listLast(principal, threadId, query);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const page = await this.read(principal, threadId, { ...toSlice(query), limit: limit === 0 ? 0 : limit + 1 });
    return { ...toPage(page.rows, limit, toMessageView, seqOf), total: page.total };
  }

  /** @throws MESSAGE_NOT_FOUND */
  async get(principal: Principal, id: string): Promise<MessageView> {
    checkMessageId(id);
    const row = await this.db.readOne(principal, (tx) => this.messages.find(tx, principal, id));
    if (!row) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return toMessageView(row);
  }

  /** The newest messages as a model takes them, or as prompt text. @throws THREAD_NOT_FOUND, INVALID_CURSOR */
  async history(principal: Principal, threadId: string, query: HistoryQuery): Promise<ChatHistory | string> {
    const limit = query.limit ?? query.max_messages ?? query.last_n ?? DEFAULT_HISTORY;
    const { rows, total, hasMore } = await this.readLast(principal, threadId, limit, {
      beforeSeq: decodeSeq(query.after),
    });
    if (query.format === 'prompt') return toPrompt(rows, query.include_system === 'true');
    const next_cursor = hasMore ? encodeSeq(rows[0]) : null;
    return { data: rows.map(toChatMessage), has_more: hasMore, next_cursor, total };
  }

  /** A thread with its newest 1000 messages, oldest first (F05). @throws THREAD_NOT_FOUND */
  async threadWithMessages(principal: Principal, threadId: string): Promise<ThreadView> {
    checkThreadId(threadId);
    return this.db.read(principal, async (tx) => {
      const thread = await this.threads.getIn(tx, principal, threadId);
      const page = await this.messages.list(tx, principal, threadId, {
        order: 'desc',
        limit: MOST_MESSAGES,
        offset: 0,
      });
      const rows = page?.rows.reverse() ?? [];
      return { ...thread, chat_messages: rows.map(toMessageView) };
    });
  }

  private async listLast(principal: Principal, threadId: string, query: ListMessagesQuery): Promise<MessageList> {
    const { last = 0, from, to, ...others } = query;
    if (Object.values(others).some((value) => value !== undefined)) {
      throw commonErrors.BAD_REQUEST('last goes with from and to only.');
    }
    const page = await this.readLast(principal, threadId, last, timeRange('from', from, to));
    return { data: page.rows.map(toMessageView), has_more: page.hasMore, next_cursor: null, total: page.total };
  }

  private async readLast(principal: Principal, threadId: string, last: number, bounds: Partial<MessageSlice>) {
    const limit = last === 0 ? 0 : last + 1;
    const { rows, total } = await this.read(principal, threadId, { ...bounds, order: 'desc', limit, offset: 0 });
    return { rows: rows.slice(0, last).reverse(), total, hasMore: rows.length > last };
  }

  private async read(principal: Principal, threadId: string, slice: MessageSlice): Promise<MessagePage> {
    checkThreadId(threadId);
    const page = await this.db.readOne(principal, (tx) => this.messages.list(tx, principal, threadId, slice));
    if (!page) throw threadNotFound(threadId);
    return page;
  }
}

/** @throws INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
function toSlice(query: ListMessagesQuery): Omit<MessageSlice, 'limit'> {
  if (query.after !== undefined && query.offset !== undefined) {
    throw commonErrors.BAD_REQUEST('Use after or offset, not both.');
  }
  const { order = 'asc', after_seq: afterSeq, before_seq: beforeSeq, offset = 0 } = query;
  const cursor = decodeSeq(query.after);
  // The cursor lies inside the window, so it replaces the bound that it has passed.
  const bounds =
    order === 'asc' ? { afterSeq: cursor ?? afterSeq, beforeSeq } : { afterSeq, beforeSeq: cursor ?? beforeSeq };
  return { ...bounds, ...timeRange('from', query.from, query.to), order, offset };
}

/** @throws MESSAGE_NOT_FOUND */
export function checkMessageId(id: string): void {
  if (!isUuid(id)) throw messageErrors.MESSAGE_NOT_FOUND(id);
}

const seqOf = (row: MessageRow) => [row.seq];
const encodeSeq = (row: MessageRow) => Buffer.from(JSON.stringify(seqOf(row))).toString('base64url');
const isSeq = (part: unknown) => Number.isSafeInteger(part) && (part as number) >= 0;
const decodeSeq = (cursor?: string) => decodeCursor(cursor, [isSeq])?.[0] as number | undefined;
