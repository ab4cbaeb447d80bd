import { randomInt } from 'node:crypto';
import { commonErrors } from './errors';

const QUOTE = 34;
const BACKSLASH = 92;

const SPACE = 1;
const COMMA = 2;
const OPEN = 3;
const CLOSE = 4;
const COLON = 5;

/** What a byte outside of texts does; those of numbers and words do nothing. */
const KINDS = new Uint8Array(256);
for (const byte of Buffer.from(' \t\r\n')) KINDS[byte] = SPACE;
for (const byte of Buffer.from(',')) KINDS[byte] = COMMA;
for (const byte of Buffer.from('[{')) KINDS[byte] = OPEN;
for (const byte of Buffer.from(']}')) KINDS[byte] = CLOSE;
for (const byte of Buffer.from(':')) KINDS[byte] = COLON;

/** How much a JSON text may hold. */
export interface Measure {
  /** Texts, numbers, words, objects, arrays and the keys of objects, each counted once. */
  values: number;
  /** Keys that differ: the parser makes a shape of objects, or a table, for each, which costs ten times what a value does. */
  keys: number;
  depth: number;
}

const VALUES_FOR_A_KEY = 20;

/** Of so many values, a twentieth may be different keys. */
export const measureOf = (values: number, depth: number): Measure => ({
  values,
  keys: Math.ceil(values / VALUES_FOR_A_KEY),
  depth,
});

/**
 * Refuses a JSON text that would cost too much to parse and to walk, by its bytes alone: ten megabytes of `[0,0,…]` are five
 * million values. Whether it is JSON at all shows when it is parsed.
 * @throws TOO_MANY_VALUES, TOO_MANY_KEYS, TOO_DEEP
 */
export function assertModest(bytes: Uint8Array, most: Measure): void {
  const keys = new KeyCount();
  let [values, depth, opened, from, to] = [1, 0, false, 0, 0];
  for (let i = 0; i < bytes.length; i += 1) {
    const kind = KINDS[bytes[i]];
    if (kind === SPACE) continue;
    if (opened && kind !== CLOSE) values += 1;
    opened = kind === OPEN;
    if (kind === COMMA) values += 1;
    else if (kind === OPEN) depth += 1;
    else if (kind === CLOSE) depth -= 1;
    else if (kind === COLON) {
      values += 1;
      keys.add(bytes, from, to);
    } else if (bytes[i] === QUOTE) {
      from = i + 1;
      i = to = endOfText(bytes, i);
    }
    if (depth > most.depth) throw commonErrors.TOO_DEEP(most.depth);
    if (values > most.values) throw commonErrors.TOO_MANY_VALUES(most.values);
    if (keys.size > most.keys) throw commonErrors.TOO_MANY_KEYS(most.keys);
  }
}

/** The place of the quote that ends the text which begins at `from`. */
function endOfText(bytes: Uint8Array, from: number): number {
  let i = from + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** Nobody outside knows which keys have one hash. */
const SEED = randomInt(2 ** 31);

/** About how many different keys there are: by their hashes, of which a few are taken for one. */
class KeyCount {
  private readonly seen = new Set<number>();

  get size(): number {
    return this.seen.size;
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    let hash = SEED;
    for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    this.seen.add(hash);
  }
}
