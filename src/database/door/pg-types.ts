import { types } from 'pg';

const INT8 = 20;
const TIMESTAMPTZ = 1184;
const JSONB = 3802;

type Parser = (text: string) => unknown;

/** How values of PostgreSQL become values of ours. Counters stay far below 2^53, so 64-bit integers are numbers. */
const makeParsers = (parseTime: Parser) => ({
  getTypeParser(oid: number, format?: 'text' | 'binary'): Parser {
    if (format !== 'binary' && oid === INT8) return Number;
    if (format !== 'binary' && oid === TIMESTAMPTZ) return parseTime;
    return types.getTypeParser(oid, format) as Parser;
  },
});

/** `2026-11-21 03:15:52.199+00` as a date; pg's own parser takes any form and three times as long. */
export function toDate(text: string): Date {
  const sign = text.at(-3);
  const zone = sign === '+' || sign === '-' ? ':00' : '';
  return new Date(`${text.slice(0, 10)}T${text.slice(11)}${zone}`);
}

/** The same as the text that the API shows: no date is made where none is needed. */
export function toIsoTime(text: string): string {
  // As nearly all are: in UTC, with milliseconds.
  if (text.length === 26 && text.endsWith('+00')) return `${text.slice(0, 10)}T${text.slice(11, 23)}Z`;
  if (!text.endsWith('+00')) return toDate(text).toISOString();
  const [seconds, fraction = ''] = text.slice(11, -3).split('.');
  return `${text.slice(0, 10)}T${seconds}.${fraction.padEnd(3, '0')}Z`;
}

export const parsers = makeParsers(toDate);
export const parsersWithIsoTimes = makeParsers(toIsoTime);

const asIs: Parser = (text) => text;

/** Times as texts, and JSON as the text that it is. */
export const unparsed = {
  getTypeParser: (oid: number, format?: 'text' | 'binary'): Parser =>
    oid === JSONB ? asIs : parsersWithIsoTimes.getTypeParser(oid, format),
};
