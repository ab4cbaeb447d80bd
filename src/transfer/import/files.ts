import { isHistory, isMessage } from './formats/formats';
import type { ImportItem } from './import.service';
import { valuesIn } from './json-values';
import { type ImportLimits, itemsOf, itemsOfLines, parse } from './sources';
import type { ImportFormatName } from '../transfer.dto';

const SPACE = /^[\s\uFEFF]*/;
/** Enough to see the first line of a conversation that is written over several. */
const SIGHT = 4096;

/**
 * The conversations of a file: lines of JSON, an array of any length, or one indented conversation. Only a plain history
 * is held as a whole.
 */
export async function* itemsOfFile(
  chunks: AsyncIterable<Buffer>,
  limits: ImportLimits,
  format?: ImportFormatName,
): AsyncGenerator<ImportItem, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < SIGHT) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = joined(head, iterator);
  const text = head.toString().replace(SPACE, '');
  if (text.startsWith('[') && !isLine(text)) yield* itemsOfArray(whole, limits, format);
  else if (/^\{\s*\n/.test(text)) yield* itemsOfValues(whole, limits, format);
  else yield* itemsOfLines(whole, limits);
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Whether the first line is an array by itself, and another one follows: a history in each line. */
function isLine(text: string): boolean {
  const [first, second] = text.split('\n');
  return /\]\s*$/.test(first) && /^\s*[[{]/.test(second ?? '');
}

async function* itemsOfArray(
  chunks: AsyncIterable<Buffer>,
  limits: ImportLimits,
  format?: ImportFormatName,
): AsyncGenerator<ImportItem, void> {
  let line = 0;
  const history: unknown[] = [];
  for await (const bytes of valuesIn(chunks, 1, limits.conversationBytes)) {
    line += 1;
    const read = once(() => parse(bytes, limits));
    // The first item tells what they all are.
    if (history.length > 0 || (line === 1 && beginsHistory(read, format))) history.push(read());
    else yield { line, read };
  }
  if (history.length > 0) yield { line: 1, read: () => history };
}

function beginsHistory(read: () => unknown, format?: ImportFormatName): boolean {
  try {
    const first = read();
    return isHistory([first], format) && (format !== undefined || isMessage(first));
  } catch {
    return false;
  }
}

async function* itemsOfValues(
  chunks: AsyncIterable<Buffer>,
  limits: ImportLimits,
  format?: ImportFormatName,
): AsyncGenerator<ImportItem, void> {
  let line = 0;
  for await (const bytes of valuesIn(chunks, 0, limits.conversationBytes)) {
    for (const item of itemsIn(() => parse(bytes, limits), format))
      yield { line: (line += 1), read: () => item.read() };
  }
}

/** Those of one value; what cannot be read is one, which says why. */
function itemsIn(read: () => unknown, format?: ImportFormatName): ImportItem[] {
  try {
    return itemsOf(read(), format);
  } catch {
    return [{ line: 1, read }];
  }
}

/** Reads at most once, also when it fails. */
function once(read: () => unknown): () => unknown {
  let result: { value: unknown } | undefined;
  return () => (result ??= { value: read() }).value;
}
