import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { type PageQuery, positionOf, rowsFor } from '../../http/request/paging';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../../threads/thread-access';
import { checkTarget, notFound } from '../../threads/threads.service';
import { MessageFeedRepository } from '../feed/message-feed.repository';
import type { UnparsedRow } from './message-json';
import type { MessageRow } from '../message.entity';
import { type MessagePage, type MessageSlice, MessagesRepository } from './messages.repository';

/** What is read; `asOf` counts too only what there is up to a number. */
export type Reading = MessageSlice & { asOf?: number };

type List<Row> = (tx: TenantTx, slice: MessageSlice) => Promise<MessagePage<Row> | undefined>;

/** Reads messages of a thread: in one statement, unless it is to be as if nothing had been appended since. */
@Injectable()
export class MessageReader {
  constructor(
    private readonly db: TenantDatabase,
    private readonly messages: MessagesRepository,
    private readonly feed: MessageFeedRepository,
  ) {}

  /** @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND */
  read(principal: Principal, target: Target, reading: Reading): Promise<MessagePage> {
    const list: List<MessageRow> = (tx, slice) => this.messages.list(tx, principal, target, slice);
    return this.readWith(list, principal, target, reading);
  }

  /** The same for `toMessageJson`. @throws THREAD_NOT_FOUND */
  readUnparsed(principal: Principal, target: Target, reading: Reading): Promise<MessagePage<UnparsedRow>> {
    const list: List<UnparsedRow> = (tx, slice) => this.messages.listUnparsed(tx, principal, target, slice);
    return this.readWith(list, principal, target, reading);
  }

  private async readWith<Row>(
    list: List<Row>,
    principal: Principal,
    target: Target,
    { asOf, ...slice }: Reading,
  ): Promise<MessagePage<Row>> {
    checkTarget(target);
    const page =
      asOf === undefined
        ? await this.db.readOne(principal, (tx) => list(tx, slice), { rows: rowsOf(slice) })
        : await this.db.read(principal, async (tx) => {
            // The counter of the thread knows only of all messages.
            const thread = await this.feed.thread(tx, principal, target);
            if (!thread) return undefined;
            const beforeSeq = Math.min(slice.beforeSeq ?? Infinity, asOf + 1);
            const found = await list(tx, { ...slice, beforeSeq });
            return found && { ...found, total: await this.feed.count(tx, thread, asOf) };
          });
    if (!page) throw notFound(target);
    return page;
  }
}

/** How many rows are looked at: what is skipped costs as much, and a time may be anywhere. */
const rowsOf = ({ limit, offset, from, to }: MessageSlice) => (from || to ? Infinity : limit + offset);

/** The newest first; one more tells that there are more. */
export const newestSlice = (count: number) => ({ order: 'desc', limit: rowsFor(count), offset: 0 }) as const;

export const seqOf = (row: Pick<MessageRow, 'seq'>) => [row.seq];
const isSeq = (part: unknown) => Number.isSafeInteger(part) && (part as number) >= 0;

/** The number in a query's cursor. @throws INVALID_CURSOR */
export const seqIn = (query: PageQuery) => positionOf(query, [isSeq])?.[0] as number | undefined;
