import { commonErrors } from './errors';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Bytes of a value as JSON text in UTF-8. */
export const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '');

const ISO_TIME = /^\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/i;
const LATEST = Date.UTC(9999, 11, 31);

/** An instant from ISO-8601 text with a zone or from milliseconds since 1970; `undefined` for anything else (C20). */
export function parseTime(value: unknown): Date | undefined {
  const isMilliseconds = Number.isSafeInteger(value) || (typeof value === 'string' && /^\d{1,15}$/.test(value));
  const isText = typeof value === 'string' && ISO_TIME.test(value);
  if (!isMilliseconds && !isText) return undefined;
  const time = new Date(isMilliseconds ? Number(value) : (value as string));
  const inRange = time.getTime() >= 0 && time.getTime() <= LATEST;
  return inRange && (isMilliseconds || isCalendarDay(value as string)) ? time : undefined;
}

/** `Date` turns 30 February into 2 March; a caller who sent it means something else. */
function isCalendarDay(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

/**
 * Refuses what PostgreSQL's `jsonb` cannot hold or would change: NUL characters and lone surrogates (C23), numbers
 * beyond 2^53 or beyond a double, and nesting that would exhaust a reader's stack.
 * @throws INVALID_TEXT, INVALID_NUMBER, TOO_DEEP
 */
export function assertStorable(value: unknown, maxDepth: number, path = 'body', depth = 1): void {
  if (typeof value === 'string') return assertText(value, path);
  if (typeof value === 'number') return assertNumber(value, path);
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) throw commonErrors.TOO_DEEP(maxDepth);
  for (const [key, item] of Object.entries(value)) {
    if (!Array.isArray(value)) assertText(key, `A key of ${path}`);
    // Building the path costs more than the check, so it is built only where there is more to walk.
    assertStorable(item, maxDepth, typeof item === 'object' ? shorten(`${path}.${key}`) : path, depth + 1);
  }
}

/** Text of somebody who cannot be told to send it again, as it can be stored: no NUL, U+FFFD for a lone surrogate. */
export const toStorable = (text: string) => text.toWellFormed().replaceAll('\0', '');

const shorten = (path: string) => (path.length > 120 ? `${path.slice(0, 119)}…` : path);

function assertText(text: string, path: string): void {
  if (!text.isWellFormed() || text.includes('\0')) throw commonErrors.INVALID_TEXT(path);
}

function assertNumber(value: number, path: string): void {
  const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  if (!exact) throw commonErrors.INVALID_NUMBER(path);
}
