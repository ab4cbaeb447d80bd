/** Lets so many pass at a time, the others one after another in the order in which they came. */
export class Gate {
  private inside = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside >= this.most) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.inside += 1;
    try {
      return await work();
    } finally {
      // Whoever goes on takes this place over.
      const next = this.waiting.shift();
      if (next) next();
      else this.inside -= 1;
    }
  }
}
