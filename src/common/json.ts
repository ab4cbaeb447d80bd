import { commonErrors } from './errors';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Bytes of a value as JSON text in UTF-8. */
export const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '');

/** The most bytes that a character has as JSON in UTF-8: `\\u0001`. */
const MAX_ESCAPE = 6;

/** Whether a value has more than `max` bytes as JSON. It is written out only where its lengths cannot tell. */
export function exceedsJsonBytes(value: unknown, max: number): boolean {
  const length = lengthOf(value, max);
  return length > max || (length * MAX_ESCAPE > max && jsonBytes(value) > max);
}

/** Characters of all texts and keys, and a few for everything else, at most what the JSON has; it ends beyond `max`. */
function lengthOf(value: unknown, max: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 1;
  let length = 2;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && length <= max; i += 1) length += lengthOf(value[i], max - length);
    return length;
  }
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (length > max) break;
    if (item !== undefined) length += key.length + 3 + lengthOf(item, max - length);
  }
  return length;
}

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

const ISO_DATE = /^\d{4}-\d\d-\d\d$/;

/** The same for a bound of a range, where a date alone is its midnight in UTC. */
export const parseBound = (value: unknown): Date | undefined =>
  parseTime(typeof value === 'string' && ISO_DATE.test(value) ? `${value}T00:00:00Z` : value);

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
export function assertStorable(value: unknown, maxDepth: number, path = 'body'): void {
  walk(value, maxDepth, [path]);
}

/** @param trail keys on the way: put together only for an error's text, since that costs more than the check */
function walk(value: unknown, maxDepth: number, trail: (string | number)[]): void {
  if (typeof value === 'string') return assertText(value, trail);
  if (typeof value === 'number') return assertNumber(value, trail);
  if (typeof value !== 'object' || value === null) return;
  if (trail.length > maxDepth) throw commonErrors.TOO_DEEP(maxDepth);
  const at = trail.push(0) - 1;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) {
      trail[at] = i;
      walk(value[i], maxDepth, trail);
    }
  } else {
    for (const key of Object.keys(value)) {
      trail[at] = key;
      if (!isText(key)) throw commonErrors.INVALID_TEXT(`A key of ${pathOf(trail.slice(0, at))}`);
      walk((value as Record<string, unknown>)[key], maxDepth, trail);
    }
  }
  trail.pop();
}

/** Text of somebody who cannot be told to send it again, as it can be stored: no NUL, U+FFFD for a lone surrogate. */
export const toStorable = (text: string) => text.toWellFormed().replaceAll('\0', '');

function pathOf(trail: readonly (string | number)[]): string {
  const path = trail.join('.');
  return path.length > 120 ? `${path.slice(0, 119)}…` : path;
}

const isText = (text: string) => text.isWellFormed() && !text.includes('\0');

function assertText(text: string, trail: readonly (string | number)[]): void {
  if (!isText(text)) throw commonErrors.INVALID_TEXT(pathOf(trail));
}

function assertNumber(value: number, trail: readonly (string | number)[]): void {
  const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  if (!exact) throw commonErrors.INVALID_NUMBER(pathOf(trail));
}
