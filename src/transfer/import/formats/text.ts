import { parseTime } from '../../../common/json';

export type Fields = Record<string, unknown>;

const NAME_LENGTH = 255;

/** A name out of a stranger's file: cut to what a name may be; undefined if there is none. */
export function nameFrom(...candidates: unknown[]): string | undefined {
  const texts = candidates.filter((value): value is string => typeof value === 'string');
  const name = texts.map((text) => text.replace(/\s+/g, ' ').trim()).find((text) => text.length > 0);
  return name && [...name].slice(0, NAME_LENGTH).join('').slice(0, NAME_LENGTH).toWellFormed();
}

/** A time out of a stranger's file, as ours: ISO text, or seconds since 1970 with a fraction; undefined if it is none. */
export function timeFrom(value: unknown): string | undefined {
  const time = typeof value === 'number' ? Math.round(value * 1000) : value;
  return parseTime(time)?.toISOString();
}

/** The object without members that are undefined or null. */
export const present = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
