import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { isUuid } from '../../common/ids';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { JsonText } from '../../http/answer/json-text';
import { encodeCursor } from '../../http/request/paging';
import { byThread, checkTarget, notFound, type Target, ThreadsService, type ThreadView } from '../../threads';
import { FeedRepository } from '../feed/feed.repository';
import type { MessageRow } from '../message.entity';
import { toChatMessage, toMessageJson, toMessageView, toPrompt, type UnparsedRow } from '../message-views';
import type { ChatHistory, HistoryQuery, ListMessagesQuery, MessageView } from '../messages.dto';
import { messageErrors } from '../messages.errors';
import {
  newestSlice,
  type Reading,
  readPage,
  rowsOf,
  seqIn,
  seqOf,
  type VersionedPage,
  withinTokens,
} from './message-slices';
import {
  type ContextSlice,
  type ContextWindow,
  type MessagePage,
  type MessageSlice,
  MessagesRepository,
  type OutlineRow,
  type ThreadKey,
} from './messages.repository';
import { shownOf } from './page-bytes';

export { textOf, toChatMessage, toMessageView } from '../message-views';
export { cutKeeping, unitsOf } from '../tool-units';
export { MESSAGE_COLUMNS } from '../message-columns';
export type { ContextWindow, OutlineRow, ThreadKey } from './messages.repository';

/** The newest messages of a thread, oldest first. */
export interface Newest {
  rows: MessageRow[];
  total: number;
  hasMore: boolean;
  /** A page holds no more of them. */
  isFull: boolean;
}

type List<Row> = (tx: TenantTx, slice: MessageSlice) => Promise<MessagePage<Row> | undefined>;

const DEFAULT_HISTORY = 20;
/** The most messages of a history that is bounded by tokens (F32, F33). */
const HISTORY_IN_BUDGET = 100;
/** The most messages that come with their thread. */
const MAX_MESSAGES = 1000;

/** Shows messages; and reads them for services that show them in their own way. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly messages: MessagesRepository,
    private readonly threads: ThreadsService,
    private readonly feed: FeedRepository,
  ) {}

  /** @throws MESSAGE_NOT_FOUND */
  async get(principal: Principal, id: string): Promise<MessageView> {
    checkMessageId(id);
    return toMessageView(await this.db.readOne(principal, (tx) => this.find(tx, principal, id), { rows: 1 }));
  }

  /** A page, oldest first unless asked otherwise. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
  async list<T>(
    principal: Principal,
    target: Target,
    query: ListMessagesQuery,
    view: (row: MessageRow) => T,
  ): Promise<VersionedPage<T>> {
    const page = await readPage(query, (reading) => this.read(principal, target, reading));
    return { ...page, data: page.data.map(view) };
  }

  /**
   * The same of a thread as JSON.
   * @param known the thread's version that the caller has: if it still has this version, the page comes without messages
   */
  async listJson(principal: Principal, thread: Target, query: ListMessagesQuery, known?: number): Promise<JsonText> {
    const list: List<UnparsedRow> = (tx, slice) => this.messages.listUnparsed(tx, principal, thread, slice);
    const { data, ...page } = await readPage(query, (reading) =>
      this.readWith(list, principal, thread, { ...reading, known }),
    );
    // Pieces become one text when they are sent, and not before: `join` would copy them once more.
    let text = '{"data":[';
    data.forEach((row, i) => (text += (i > 0 ? ',' : '') + toMessageJson(row, thread.id)));
    return new JsonText(`${text}],${JSON.stringify(page).slice(1)}`, page.version);
  }

  /** The newest messages as a model takes them, or as prompt text. @throws THREAD_NOT_FOUND, INVALID_CURSOR */
  async history(principal: Principal, target: Target, query: HistoryQuery): Promise<ChatHistory | string> {
    const budget = query.max_tokens ?? Infinity;
    const fallback = budget === Infinity ? DEFAULT_HISTORY : HISTORY_IN_BUDGET;
    const limit = query.limit ?? query.max_messages ?? query.last_n ?? fallback;
    const bounds = { beforeSeq: seqIn(query), asOf: query.as_of };
    const newest = await this.newest(principal, target, limit, bounds);
    const rows = withinTokens(newest.rows, budget);
    if (query.format === 'prompt') return toPrompt(rows, query.include_system === 'true');
    const has_more = newest.hasMore || rows.length < newest.rows.length;
    const next_cursor = has_more ? encodeCursor(seqOf(rows[0])) : null;
    return { data: rows.map(toChatMessage), has_more, next_cursor, total: newest.total };
  }

  /** A thread with its newest 1000 messages, or those of them that a page may hold, oldest first (F05). @throws THREAD_NOT_FOUND */
  async threadWithMessages(principal: Principal, target: Target): Promise<ThreadView> {
    checkTarget(target);
    return this.db.read(principal, async (tx) => {
      const thread = await this.threads.getIn(tx, principal, target);
      const slice = { order: 'desc', limit: MAX_MESSAGES, offset: 0 } as const;
      const { rows } = (await withBytes((part) => this.messages.list(tx, principal, target, part), slice)) ?? NO_ROWS;
      return { ...thread, chat_messages: rows.slice(0, shownOf(rows, MAX_MESSAGES)).reverse().map(toMessageView) };
    });
  }

  /** The newest messages, oldest first. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND */
  async newest(principal: Principal, target: Target, count: number, bounds: Partial<Reading> = {}): Promise<Newest> {
    const { rows, total } = await this.read(principal, target, { ...bounds, ...newestSlice(count) });
    const shown = shownOf(rows, count);
    return { rows: rows.slice(0, shown).reverse(), total, hasMore: rows.length > shown, isFull: shown < count };
  }

  /** What a context is made of: the beginning and the end of a thread. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND */
  async contextWindow(principal: Principal, target: Target, slice: ContextSlice): Promise<ContextWindow> {
    checkTarget(target);
    const read = (tx: TenantTx) => this.messages.contextWindow(tx, principal, target, slice);
    const window = await this.db.readOne(principal, read, { rows: slice.limit });
    if (!window) throw notFound(target);
    return window;
  }

  /** A message, inside a transaction of another service. @throws MESSAGE_NOT_FOUND */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<MessageRow> {
    const row = await this.messages.find(tx, principal, id);
    if (!row) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return row;
  }

  /** The same of one thread. @throws MESSAGE_NOT_FOUND also for a message of another thread */
  async findIn(tx: TenantTx, principal: Principal, threadId: string, id: string): Promise<MessageRow> {
    const row = await this.find(tx, principal, id);
    if (row.thread_id !== threadId) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return row;
  }

  /**
   * The messages from one number to another, oldest first; by default all, which costs as much as the thread is long. Inside
   * a transaction of another service.
   */
  async rows(
    tx: TenantTx,
    principal: Principal,
    threadId: string,
    { from = 1, to = Number.MAX_SAFE_INTEGER - 1 }: { from?: number; to?: number } = {},
    limit = Number.MAX_SAFE_INTEGER,
  ): Promise<MessageRow[]> {
    const slice = { afterSeq: from - 1, beforeSeq: to + 1, order: 'asc', limit, offset: 0 } as const;
    return (await this.messages.list(tx, principal, byThread(threadId), slice))?.rows ?? [];
  }

  /** The messages after a number without their content, oldest first. */
  outline(tx: TenantTx, thread: ThreadKey, afterSeq: number, limit?: number): Promise<OutlineRow[]> {
    return this.messages.outline(tx, thread, afterSeq, limit);
  }

  private read(principal: Principal, target: Target, reading: Reading): Promise<MessagePage> {
    const list: List<MessageRow> = (tx, slice) => this.messages.list(tx, principal, target, slice);
    return this.readWith(list, principal, target, reading);
  }

  /** In one statement, unless it is to be as if nothing had been appended since. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND */
  private async readWith<Row extends object>(
    list: List<Row>,
    principal: Principal,
    target: Target,
    { asOf, ...slice }: Reading,
  ): Promise<MessagePage<Row>> {
    checkTarget(target);
    const page =
      asOf === undefined
        ? await withBytes((part) => this.db.readOne(principal, (tx) => list(tx, part), { rows: rowsOf(part) }), slice)
        : await this.db.read(principal, async (tx) => {
            // The counter of the thread knows only of all messages.
            const thread = await this.feed.thread(tx, principal, target);
            if (!thread) return undefined;
            const beforeSeq = Math.min(slice.beforeSeq ?? Infinity, asOf + 1);
            const found = await withBytes((part) => list(tx, part), { ...slice, beforeSeq });
            return found && { ...found, total: await this.feed.count(tx, thread, asOf) };
          });
    if (!page) throw notFound(target);
    return page;
  }
}

const NO_ROWS = { rows: [] };

/** A page that is bounded by bytes. Few have a message that is larger than its part: those are read again, and counted. */
async function withBytes<Row extends object>(
  read: (slice: MessageSlice) => Promise<MessagePage<Row> | undefined>,
  slice: MessageSlice,
): Promise<MessagePage<Row> | undefined> {
  const page = await read({ ...slice, bytes: 'shared' });
  if (!page || shownOf(page.rows, page.rows.length) === page.rows.length) return page;
  return read({ ...slice, bytes: 'counted' });
}

/** @throws MESSAGE_NOT_FOUND */
export function checkMessageId(id: string): void {
  if (!isUuid(id)) throw messageErrors.MESSAGE_NOT_FOUND(id);
}
