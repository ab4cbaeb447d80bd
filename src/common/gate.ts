/** Whoever waited for so long may not pass. */
export class GateBusy extends Error {}

/** Lets so many pass at a time, the others one after another in the order in which they came. */
export class Gate {
  private inside = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param longest milliseconds that somebody waits; absent: as long as it takes */
  constructor(
    private readonly most: number,
    private readonly longest?: number,
  ) {}

  /** @throws GateBusy, and whatever `work` throws */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside >= this.most) await this.wait();
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

  private wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer =
        this.longest === undefined
          ? undefined
          : setTimeout(() => {
              this.waiting.splice(this.waiting.indexOf(enter), 1);
              reject(new GateBusy('Too many are inside'));
            }, this.longest);
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      this.waiting.push(enter);
    });
  }
}
