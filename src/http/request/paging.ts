import { ApiProperty } from '@nestjs/swagger';
import { commonErrors } from '../../common/errors';
import { EnumField, FlagField, IntField, TextField } from './fields';
import { parseTime } from '../../common/json';

export const ORDERS = ['asc', 'desc'] as const;
export type Order = (typeof ORDERS)[number];

/** Query parameters of every list (design 5). */
export class PageQuery {
  @IntField({ max: 1000, default: 100, description: 'Items a page, 0 to 1000; 0 is an empty page.' })
  limit?: number;

  @TextField({ min: 1, max: 2000, description: '`next_cursor` of the page before; not together with `offset`.' })
  after?: string;

  @IntField({ max: 2 ** 31 - 1, description: 'Items to skip. A cursor neither drifts nor slows; an offset does.' })
  offset?: number;

  @EnumField(ORDERS, { description: 'Direction.' })
  order?: Order;
}

/** `include_total` for the lists that do not count for free. */
export class CountedPageQuery extends PageQuery {
  @FlagField({ default: 'false', description: 'Adds `total`, at the cost of a count.' })
  include_total?: 'true' | 'false';
}

/** One page of a list. */
export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
  total?: number;
}

/** The documented form of a page; each list adds its `data`. */
export abstract class PageView {
  @ApiProperty({ description: 'Whether there is a page after this one.' })
  has_more!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Pass as `after` for the next page; null on the last.' })
  next_cursor!: string | null;

  @ApiProperty({ type: 'integer', required: false, description: 'Items of the whole list.' })
  total?: number;
}

export const DEFAULT_LIMIT = 100;

/**
 * Cuts a page out of `limit + 1` rows: the extra row only tells that there is more.
 * @param position the sort key of an item, from which the next page goes on
 */
export function toPage<Row, T>(
  rows: Row[],
  limit: number,
  view: (row: Row) => T,
  position: (row: Row) => unknown[],
): Page<T> {
  const page = rows.slice(0, limit);
  const has_more = limit > 0 && rows.length > limit;
  const next_cursor = has_more ? encodeCursor(position(page[page.length - 1])) : null;
  return { data: page.map(view), has_more, next_cursor };
}

/** A sort key as the opaque text that `decodeCursor` reads. */
export const encodeCursor = (position: unknown[]) => Buffer.from(JSON.stringify(position)).toString('base64url');

/**
 * The sort key in a cursor.
 * @param accepts one check for each part, so that a forged cursor cannot reach the database as a wrong type
 * @throws INVALID_CURSOR
 */
export function decodeCursor(
  cursor: string | undefined,
  accepts: ((part: unknown) => boolean)[],
): unknown[] | undefined {
  if (cursor === undefined) return undefined;
  const position = parse(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(position) || position.length !== accepts.length) throw commonErrors.INVALID_CURSOR();
  if (!accepts.every((check, i) => check(position[i]))) throw commonErrors.INVALID_CURSOR();
  return position as unknown[];
}

/**
 * The sort key from which a list goes on.
 * @throws INVALID_CURSOR, BAD_REQUEST for a cursor together with an offset
 */
export function positionOf(
  { after, offset }: PageQuery,
  accepts: ((part: unknown) => boolean)[],
): unknown[] | undefined {
  if (after !== undefined && offset !== undefined) throw commonErrors.BAD_REQUEST('Use after or offset, not both.');
  return decodeCursor(after, accepts);
}

/** Rows to read for a page: one more tells that there is more; an empty page reads none. */
export const rowsFor = (limit: number) => (limit === 0 ? 0 : limit + 1);

/** A time as `toISOString` writes it, and as a cursor holds it. */
export const isIsoTime = (part: unknown) => typeof part === 'string' && parseTime(part)?.toISOString() === part;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw commonErrors.INVALID_CURSOR();
  }
}
