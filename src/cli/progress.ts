const WIDTH = 30;
const REDRAW_MS = 100;

/** Where progress is shown: a terminal, or the log of a script. */
interface Output {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** How far a command has come: a bar on a terminal, elsewhere a line for each tenth. */
export class Progress {
  private done = 0;
  private items = 0;
  private shown = -1;
  private drawnAt = 0;

  /**
   * @param total of what `advance` counts
   * @param what is counted as items, in plural
   */
  constructor(
    private readonly total: number,
    private readonly what: string,
    private readonly output: Output = process.stderr,
  ) {}

  advance(by: number): void {
    this.done += by;
    this.show(false);
  }

  item(): void {
    this.items += 1;
    this.show(false);
  }

  /** Shows the end, whether or not everything was counted. */
  end(): void {
    this.show(true);
    if (this.output.isTTY) this.output.write('\n');
  }

  private show(isEnd: boolean): void {
    const share = this.total > 0 ? Math.min(1, this.done / this.total) : 1;
    if (this.output.isTTY) this.draw(share, isEnd);
    else if (isEnd || Math.floor(share * 10) > this.shown) this.writeLine(share);
  }

  private draw(share: number, isEnd: boolean): void {
    const now = performance.now();
    if (!isEnd && now - this.drawnAt < REDRAW_MS) return;
    this.drawnAt = now;
    const filled = Math.round(share * WIDTH);
    this.output.write(`\r[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${this.text(share)}`);
  }

  private writeLine(share: number): void {
    this.shown = Math.floor(share * 10);
    this.output.write(`${this.text(share)}\n`);
  }

  private text(share: number): string {
    return `${String(Math.floor(share * 100)).padStart(3)} %, ${this.items} ${this.what}`;
  }
}
