/** A request has waited for as long as it may. */
export class LanesBusy extends Error {}

/** A request is not wanted any more. */
export class LanesLeft extends Error {}

/** Gives a lane back; a second time does nothing. */
export type Release = () => void;

/** How a request waits. */
export interface Waiting {
  /** Aborted when it is not wanted any more. */
  gone?: AbortSignal;
  /** The longest wait in milliseconds; absent: as long as it takes. */
  maxWaitMs?: number;
}

interface Waiter<Who> {
  who: Who;
  admit(): void;
}

/** Lets so many requests in at a time. The others wait in the order in which they came, and pass those that do not fit yet. */
export class Lanes<Who = void> {
  private readonly inside = new Set<{ who: Who }>();
  private readonly waiters = new Set<Waiter<Who>>();

  /** @param fits whether a request may come in beside those that are inside, where there is a lane for it */
  constructor(
    private readonly max: number,
    private readonly fits: (who: Who, inside: Who[]) => boolean = () => true,
  ) {}

  /** How many wait. */
  get waiting(): number {
    return this.waiters.size;
  }

  /** Takes a lane at once, where there is one. @throws LanesBusy, LanesLeft */
  async take(who: Who, waiting: Waiting = {}): Promise<Release> {
    if (waiting.gone?.aborted) throw new LanesLeft('Not wanted any more');
    return this.enter(who) ?? this.wait(who, waiting);
  }

  /** Does `work` in a lane. @throws LanesBusy, LanesLeft, and whatever `work` throws */
  async pass<T>(this: Lanes, work: () => Promise<T>, waiting?: Waiting): Promise<T> {
    const release = this.enter() ?? (await this.take(undefined, waiting));
    try {
      return await work();
    } finally {
      release();
    }
  }

  private enter(who: Who): Release | undefined {
    return this.isFree(who) ? this.admit(who) : undefined;
  }

  private admit(who: Who): Release {
    const holder = { who };
    this.inside.add(holder);
    return () => {
      if (this.inside.delete(holder)) this.admitNext();
    };
  }

  private wait(who: Who, { gone, maxWaitMs }: Waiting): Promise<Release> {
    return new Promise((resolve, reject) => {
      // At once, not in a turn of its own: the request that is asked next must find it settled.
      const settle = (end: () => void) => {
        clearTimeout(timer);
        gone?.removeEventListener('abort', leave);
        this.waiters.delete(waiter);
        end();
      };
      const leave = () => settle(() => reject(new LanesLeft('Not wanted any more')));
      const late = () => settle(() => reject(new LanesBusy('All lanes are taken')));
      const timer = maxWaitMs === undefined ? undefined : setTimeout(late, maxWaitMs);
      const waiter = {
        who,
        admit: () => {
          const release = this.admit(who);
          settle(() => resolve(release));
        },
      };
      gone?.addEventListener('abort', leave);
      this.waiters.add(waiter);
    });
  }

  private admitNext(): void {
    for (const waiter of this.waiters) {
      if (this.inside.size >= this.max) return;
      if (this.isFree(waiter.who)) waiter.admit();
    }
  }

  private isFree(who: Who): boolean {
    const inside = [...this.inside].map((holder) => holder.who);
    return inside.length < this.max && this.fits(who, inside);
  }
}
