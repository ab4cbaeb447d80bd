import { commonErrors } from '../../common/errors';
import { timeRange } from '../../http/request/limits';
import { DEFAULT_LIMIT, type Page, type PageQuery, positionOf, rowsFor, toPage } from '../../http/request/paging';
import type { MessageRow } from '../message.entity';
import type { ListMessagesQuery } from '../messages.dto';
import type { MessagePage, MessageSlice } from './messages.repository';
import { shownOf } from './page-bytes';

/** What is read; `asOf` counts too only what there is up to a number. */
export type Reading = MessageSlice & { asOf?: number };

/** A page, and the version of its thread. */
export type VersionedPage<T> = Page<T> & { version: number };

type Numbered = Pick<MessageRow, 'seq'>;

/** Reads the page that a query asks for. @throws INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST, and what `read` throws */
export async function readPage<Row extends Numbered>(
  query: ListMessagesQuery,
  read: (reading: Reading) => Promise<MessagePage<Row>>,
): Promise<VersionedPage<Row>> {
  if (query.last !== undefined) return cutLast(query.last, await read(toLast(query)));
  const limit = query.limit ?? DEFAULT_LIMIT;
  const { rows, total, version } = await read({ ...toSlice(query), limit: rowsFor(limit), asOf: query.as_of });
  return { ...toPage(rows, shownOf(rows, limit), (row) => row, seqOf), total, version };
}

/** The newest first; one more tells that there are more. */
export const newestSlice = (count: number) => ({ order: 'desc', limit: rowsFor(count), offset: 0 }) as const;

/** How many rows a slice looks at: what is skipped costs as much, and a time or an author may be anywhere. */
export const rowsOf = ({ limit, offset, from, to, createdBy }: MessageSlice) =>
  from || to || createdBy !== undefined ? Infinity : limit + offset;

/** The position of a message, for a cursor. */
export const seqOf = (row: Numbered) => [row.seq];

/** The number in a query's cursor. @throws INVALID_CURSOR */
export const seqIn = (query: PageQuery) => positionOf(query, [isSeq])?.[0] as number | undefined;

const isSeq = (part: unknown) => Number.isSafeInteger(part) && (part as number) >= 0;

/** The newest rows that add up to no more than a budget; the last one stays whatever it counts (F33). */
export function withinTokens(rows: MessageRow[], budget: number): MessageRow[] {
  let first = Math.max(0, rows.length - 1);
  let room = budget - (rows[first]?.token_count ?? 0);
  while (first > 0 && room >= rows[first - 1].token_count) room -= rows[(first -= 1)].token_count;
  return rows.slice(first);
}

function cutLast<Row extends object>(last: number, { rows, total, version }: MessagePage<Row>): VersionedPage<Row> {
  const shown = shownOf(rows, last);
  return { data: rows.slice(0, shown).reverse(), has_more: rows.length > shown, next_cursor: null, total, version };
}

/** @throws INVALID_RANGE, BAD_REQUEST */
function toLast({ last = 0, from, to, created_by: createdBy, as_of: asOf, ...others }: ListMessagesQuery): Reading {
  if (Object.values(others).some((value) => value !== undefined)) {
    throw commonErrors.BAD_REQUEST('last goes with from, to, created_by and as_of only.');
  }
  return { ...timeRange('from', from, to), createdBy, asOf, ...newestSlice(last) };
}

/** @throws INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
function toSlice(query: ListMessagesQuery): Omit<MessageSlice, 'limit'> {
  const { order = 'asc', after_seq: afterSeq, before_seq: beforeSeq, offset = 0 } = query;
  const cursor = seqIn(query);
  // The cursor lies inside the slice, so it replaces the bound that it has passed.
  const bounds =
    order === 'asc' ? { afterSeq: cursor ?? afterSeq, beforeSeq } : { afterSeq, beforeSeq: cursor ?? beforeSeq };
  const createdBy = query.created_by;
  return { ...bounds, ...timeRange('from', query.from, query.to), createdBy, order, offset };
}
