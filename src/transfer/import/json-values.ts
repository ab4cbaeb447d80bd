import { commonErrors } from '../../common/errors';

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 1;
const CLOSE = 2;
const BETWEEN = 3;

/** What a byte outside of texts does: opens, closes, or stands between values, as spaces, commas and a byte order mark do. */
const KINDS = new Uint8Array(256);
for (const byte of Buffer.from('[{')) KINDS[byte] = OPEN;
for (const byte of Buffer.from(']}')) KINDS[byte] = CLOSE;
for (const byte of Buffer.from(' \t\r\n,\uFEFF')) KINDS[byte] = BETWEEN;

/**
 * The values at one depth of a JSON text, each as its bytes, without reading the whole. It only counts brackets outside
 * of texts: whether a value is JSON shows when it is parsed.
 * @param depth 0: the values of the text itself; 1: the items of its array
 * @param most bytes of a value; a longer one is `undefined`
 * @throws INVALID_JSON where the text ends in the middle, or has something beside its array
 */
export async function* valuesIn(
  chunks: AsyncIterable<Buffer>,
  depth: number,
  most: number,
): AsyncGenerator<Buffer | undefined, void> {
  const scan = new Scan(depth, most);
  for await (const chunk of chunks) yield* scan.values(chunk);
  yield* scan.end();
}

class Scan {
  private depth = 0;
  private inText = false;
  private escaped = false;
  /** Whether a number, a text or a word of the wanted depth is being taken. */
  private inScalar = false;
  /** Whether something stood where only the array may be. */
  private stray = false;
  private parts: Buffer[] = [];
  private length = 0;

  constructor(
    private readonly wanted: number,
    private readonly most: number,
  ) {}

  *values(chunk: Buffer): Generator<Buffer | undefined, void> {
    let from = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      const byte = chunk[i];
      if (this.inText) {
        this.stepInText(byte);
        continue;
      }
      const kind = KINDS[byte];
      if (kind === 0) {
        if (this.begins(byte)) from = i;
        continue;
      }
      if (this.inScalar) yield this.take(chunk.subarray(from, i));
      if (kind === OPEN && this.depth === this.wanted) from = i;
      const ended = this.stepOutside(kind);
      if (ended) yield this.take(chunk.subarray(from, i + 1));
    }
    if (this.inScalar || this.depth > this.wanted) this.add(chunk.subarray(from));
  }

  /** What is left at the end of the text. @throws INVALID_JSON */
  *end(): Generator<Buffer | undefined, void> {
    if (this.inText || this.depth > 0) throw commonErrors.INVALID_JSON('it ends in the middle');
    if (this.stray) throw commonErrors.INVALID_JSON('something stands beside its array');
    if (this.inScalar) yield this.take(Buffer.alloc(0));
  }

  private stepInText(byte: number): void {
    if (this.escaped) this.escaped = false;
    else if (byte === BACKSLASH) this.escaped = true;
    else if (byte === QUOTE) this.inText = false;
  }

  /** @returns whether a scalar of the wanted depth begins with this byte */
  private begins(byte: number): boolean {
    if (byte === QUOTE) this.inText = true;
    if (this.depth < this.wanted) this.stray = true;
    if (this.inScalar || this.depth !== this.wanted) return false;
    this.inScalar = true;
    return true;
  }

  /** @returns whether an object or array of the wanted depth has ended */
  private stepOutside(kind: number): boolean {
    if (kind === BETWEEN) return false;
    this.depth += kind === OPEN ? 1 : -1;
    if (this.depth < 0) this.stray = true;
    return kind === CLOSE && this.depth === this.wanted;
  }

  private add(part: Buffer): void {
    this.length += part.length;
    if (this.length <= this.most) this.parts.push(part);
    else this.parts = [];
  }

  private take(part: Buffer): Buffer | undefined {
    this.add(part);
    const value = this.length <= this.most ? Buffer.concat(this.parts, this.length) : undefined;
    [this.parts, this.length, this.inScalar] = [[], 0, false];
    return value;
  }
}
