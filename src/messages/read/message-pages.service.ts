import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { commonErrors } from '../../common/errors';
import { JsonText } from '../../http/answer/json-text';
import { timeRange } from '../../http/request/limits';
import { DEFAULT_LIMIT, type Page, rowsFor, toPage } from '../../http/request/paging';
import type { Target } from '../../threads/thread-access';
import { toMessageJson } from './message-json';
import { MessageReader, newestSlice, type Reading, seqIn, seqOf } from './message-reader';
import type { MessageRow } from '../message.entity';
import type { ListMessagesQuery } from '../messages.dto';
import type { MessagePage, MessageSlice } from './messages.repository';

/** A page, and the version of its thread. */
type VersionedPage<T> = Page<T> & { version: number };

/** Lists messages, oldest first unless asked otherwise. */
@Injectable()
export class MessagePagesService {
  constructor(private readonly reader: MessageReader) {}

  /** @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
  async list<T>(
    principal: Principal,
    target: Target,
    query: ListMessagesQuery,
    view: (row: MessageRow) => T,
  ): Promise<VersionedPage<T>> {
    const page = await cut(query, (slice) => this.reader.read(principal, target, slice));
    return { ...page, data: page.data.map(view) };
  }

  /**
   * The same of a thread as JSON.
   * @param known the thread's version that the caller has: if it still has this version, the page comes without messages
   */
  async listJson(principal: Principal, thread: Target, query: ListMessagesQuery, known?: number): Promise<JsonText> {
    const { data, ...page } = await cut(query, (slice) =>
      this.reader.readUnparsed(principal, thread, { ...slice, known }),
    );
    // Pieces become one text when they are sent, and not before: `join` would copy them once more.
    let text = '{"data":[';
    data.forEach((row, i) => (text += (i > 0 ? ',' : '') + toMessageJson(row, thread.id)));
    return new JsonText(`${text}],${JSON.stringify(page).slice(1)}`, page.version);
  }
}

async function cut<Row extends Pick<MessageRow, 'seq'>>(
  query: ListMessagesQuery,
  read: (reading: Reading) => Promise<MessagePage<Row>>,
): Promise<VersionedPage<Row>> {
  if (query.last !== undefined) return cutLast(query.last, await read(toLast(query)));
  const limit = query.limit ?? DEFAULT_LIMIT;
  const { rows, total, version } = await read({ ...toSlice(query), limit: rowsFor(limit), asOf: query.as_of });
  return { ...toPage(rows, limit, (row) => row, seqOf), total, version };
}

function cutLast<Row>(last: number, { rows, total, version }: MessagePage<Row>): VersionedPage<Row> {
  const data = rows.slice(0, last).reverse();
  return { data, has_more: rows.length > last, next_cursor: null, total, version };
}

/** @throws INVALID_RANGE, BAD_REQUEST */
function toLast({ last = 0, from, to, as_of: asOf, ...others }: ListMessagesQuery): Reading {
  if (Object.values(others).some((value) => value !== undefined)) {
    throw commonErrors.BAD_REQUEST('last goes with from, to and as_of only.');
  }
  return { ...timeRange('from', from, to), asOf, ...newestSlice(last) };
}

/** @throws INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
function toSlice(query: ListMessagesQuery): Omit<MessageSlice, 'limit'> {
  const { order = 'asc', after_seq: afterSeq, before_seq: beforeSeq, offset = 0 } = query;
  const cursor = seqIn(query);
  // The cursor lies inside the window, so it replaces the bound that it has passed.
  const bounds =
    order === 'asc' ? { afterSeq: cursor ?? afterSeq, beforeSeq } : { afterSeq, beforeSeq: cursor ?? beforeSeq };
  return { ...bounds, ...timeRange('from', query.from, query.to), order, offset };
}
