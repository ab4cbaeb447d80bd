import { commonErrors } from './errors';

const QUOTE = 34;
const BACKSLASH = 92;

const SPACE = 1;
const COMMA = 2;
const OPEN = 3;
const CLOSE = 4;

/** What a byte outside of texts does. Colons and digits are parts of values. */
const KINDS = new Uint8Array(256);
for (const byte of Buffer.from(' \t\r\n')) KINDS[byte] = SPACE;
for (const byte of Buffer.from(',')) KINDS[byte] = COMMA;
for (const byte of Buffer.from('[{')) KINDS[byte] = OPEN;
for (const byte of Buffer.from(']}')) KINDS[byte] = CLOSE;

/**
 * Refuses a JSON text that would cost too much to parse and to walk, by its bytes alone: ten megabytes of `[0,0,…]` are five
 * million values. Whether it is JSON at all shows when it is parsed.
 * @param maxValues texts, numbers, words, objects and arrays, each counted once; keys are not
 * @throws TOO_MANY_VALUES, TOO_DEEP
 */
export function assertModest(bytes: Uint8Array, maxValues: number, maxDepth: number): void {
  let [values, depth, opened] = [1, 0, false];
  for (let i = 0; i < bytes.length; i += 1) {
    const kind = KINDS[bytes[i]];
    if (kind === SPACE) continue;
    if (opened && kind !== CLOSE) values += 1;
    opened = kind === OPEN;
    if (kind === COMMA) values += 1;
    else if (kind === OPEN) depth += 1;
    else if (kind === CLOSE) depth -= 1;
    else if (bytes[i] === QUOTE) i = endOfText(bytes, i);
    if (depth > maxDepth) throw commonErrors.TOO_DEEP(maxDepth);
    if (values > maxValues) throw commonErrors.TOO_MANY_VALUES(maxValues);
  }
}

/** The place of the quote that ends the text which begins at `from`. */
function endOfText(bytes: Uint8Array, from: number): number {
  let i = from + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i;
}
