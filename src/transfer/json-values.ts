const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = [91, 123];
const CLOSE = [93, 125];

/**
 * The objects and arrays at one depth of a JSON text, each as its bytes, without reading the whole. It only counts
 * brackets outside of texts: whether a value is JSON shows when it is parsed.
 * @param depth 0: the values of the text itself; 1: the items of its array
 * @param most bytes of a value; a longer one is `undefined`
 */
export async function* valuesIn(
  chunks: AsyncIterable<Buffer>,
  depth: number,
  most: number,
): AsyncGenerator<Buffer | undefined, void> {
  const scan = new Scan(depth, most);
  for await (const chunk of chunks) yield* scan.values(chunk);
}

class Scan {
  private depth = 0;
  private inText = false;
  private escaped = false;
  private parts: Buffer[] = [];
  private length = 0;

  constructor(
    private readonly wanted: number,
    private readonly most: number,
  ) {}

  *values(chunk: Buffer): Generator<Buffer | undefined, void> {
    let from = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      const change = this.step(chunk[i]);
      if (change > 0 && this.depth === this.wanted + 1) from = i;
      if (change < 0 && this.depth === this.wanted) yield this.take(chunk.subarray(from, i + 1));
    }
    if (this.depth > this.wanted) this.add(chunk.subarray(from));
  }

  /** @returns by how much the depth has changed */
  private step(byte: number): number {
    if (this.inText) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inText = false;
      return 0;
    }
    if (byte === QUOTE) this.inText = true;
    const change = OPEN.includes(byte) ? 1 : CLOSE.includes(byte) ? -1 : 0;
    this.depth += change;
    return change;
  }

  private add(part: Buffer): void {
    this.length += part.length;
    if (this.length <= this.most) this.parts.push(part);
    else this.parts = [];
  }

  private take(part: Buffer): Buffer | undefined {
    this.add(part);
    const value = this.length <= this.most ? Buffer.concat(this.parts, this.length) : undefined;
    [this.parts, this.length] = [[], 0];
    return value;
  }
}
