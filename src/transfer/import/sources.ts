import { isUtf8 } from 'node:buffer';
import { setImmediate as breathe } from 'node:timers/promises';
import { commonErrors } from '../../common/errors';
import { isObject } from '../../http/request/fields';
import { assertStorable } from '../../common/json';
import { assertModest, measureOf } from '../../common/json-size';
import { isHistory } from './formats/formats';
import type { ImportItem } from './import.service';
import type { ImportFormatName } from '../transfer.dto';
import { transferErrors } from '../transfer.errors';

/** What an import may be at most. */
export interface ImportLimits {
  totalBytes: number;
  conversationBytes: number;
  nesting: number;
  /** In one conversation. */
  values: number;
}

const NEWLINE = 10;
/** Lines before others get their turn. */
const BREATH = 1000;
const BLANK = /^\s*$/;

/** The conversations of a JSON value that is in memory: one, a list of them, or `{conversations: [...]}`. */
export function itemsOf(value: unknown, format?: ImportFormatName): ImportItem[] {
  const list = listIn(value, format);
  return list.map((item, i) => ({ line: i + 1, read: () => item }));
}

function listIn(value: unknown, format?: ImportFormatName): unknown[] {
  if (Array.isArray(value)) return isHistory(value, format) ? [value] : value;
  const list = isObject(value) && !('messages' in value) ? value.conversations : undefined;
  return Array.isArray(list) ? list : [value];
}

/**
 * The conversations of a stream that has one in each line. A line is held only until it is imported.
 * @throws IMPORT_TOO_LARGE where the stream goes on beyond the limit
 */
export async function* itemsOfLines(
  chunks: AsyncIterable<Buffer>,
  limits: ImportLimits,
): AsyncGenerator<ImportItem, void> {
  let number = 0;
  for await (const bytes of linesOf(limited(chunks, limits.totalBytes), limits.conversationBytes)) {
    number += 1;
    // Blank lines are nobody's items.
    if (number % BREATH === 0) await breathe();
    if (bytes && bytes.length < 64 && BLANK.test(bytes.toString('latin1'))) continue;
    yield { line: number, read: () => parse(bytes, limits) };
  }
}

/** @throws IMPORT_TOO_LARGE */
async function* limited(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer, void> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > most) throw transferErrors.IMPORT_TOO_LARGE(most);
    yield chunk;
  }
}

/** The lines of a stream without their ends; `undefined` for one that is longer than the limit. */
async function* linesOf(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer | undefined, void> {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer) => {
    length += part.length;
    if (length <= most) parts.push(part);
    else parts = [];
  };
  const take = () => {
    const line = length <= most ? Buffer.concat(parts, length) : undefined;
    [parts, length] = [[], 0];
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      from = end + 1;
      yield take();
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}

/**
 * A conversation's text as JSON, under the rules for any body.
 * @param bytes `undefined` for more of them than are taken
 * @throws CONVERSATION_TOO_LARGE, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, TOO_DEEP, TOO_MANY_VALUES, TOO_MANY_KEYS
 */
export function parse(bytes: Buffer | undefined, limits: ImportLimits): unknown {
  if (!bytes) throw transferErrors.CONVERSATION_TOO_LARGE(limits.conversationBytes);
  if (!isUtf8(bytes)) throw commonErrors.INVALID_JSON('it is not UTF-8');
  assertModest(bytes, measureOf(limits.values, limits.nesting));
  const value = parseUtf8(bytes);
  assertStorable(value, limits.nesting);
  return value;
}

/** The text, which is as large as the conversation, is gone when this returns. */
function parseUtf8(bytes: Buffer): unknown {
  const text = bytes.toString().replace(/^\uFEFF/, '');
  try {
    // Walked through only where it could find something: a key may also be written with escapes.
    return JSON.parse(text, /__proto__|constructor|\\u/i.test(text) ? refusePoison : undefined);
  } catch {
    throw commonErrors.INVALID_JSON('it cannot be parsed, or has a key such as __proto__');
  }
}

/** The keys that the parser of bodies refuses: they would poison what copies the object. */
function refusePoison(key: string, value: unknown): unknown {
  const isPoison =
    key === '__proto__' || (key === 'constructor' && isObject(value) && Object.hasOwn(value, 'prototype'));
  if (isPoison) throw new Error(key);
  return value;
}
