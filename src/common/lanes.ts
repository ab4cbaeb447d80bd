import { setImmediate as breathe } from 'node:timers/promises';

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

/** A request that waits in a queue, and how it gets its lane. */
interface Waiter {
  admit(): void;
}

/** Waits in `queue` until somebody calls `admit`. @throws LanesBusy, LanesLeft */
function waitIn<W extends Waiter>(
  queue: Set<W>,
  enter: () => Release,
  make: (waiter: Waiter) => W,
  { gone, maxWaitMs }: Waiting,
): Promise<Release> {
  return new Promise((resolve, reject) => {
    // At once, not in a turn of its own: the request that is asked next must find it settled.
    const settle = (end: () => void) => {
      clearTimeout(timer);
      gone?.removeEventListener('abort', leave);
      queue.delete(waiter);
      end();
    };
    const leave = () => settle(() => reject(new LanesLeft('Not wanted any more')));
    const late = () => settle(() => reject(new LanesBusy('All lanes are taken')));
    const timer = maxWaitMs === undefined ? undefined : setTimeout(late, maxWaitMs);
    const waiter = make({
      admit: () => {
        const release = enter();
        settle(() => resolve(release));
      },
    });
    gone?.addEventListener('abort', leave);
    queue.add(waiter);
  });
}

/** Lets so many requests in at a time. The others wait in the order in which they came, and pass those that do not fit yet. */
export class Lanes<Who = void> {
  private readonly inside = new Set<{ who: Who }>();
  private readonly waiters = new Set<Waiter & { who: Who }>();

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

  private wait(who: Who, waiting: Waiting): Promise<Release> {
    return waitIn(
      this.waiters,
      () => this.admit(who),
      (waiter) => ({ ...waiter, who }),
      waiting,
    );
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

/** What fair lanes hold. */
interface Shares {
  /** What all may have together; absent: any number. */
  max?: number;
  /** What one of them may have, such as an organization. */
  each: number;
  /** How many of one of them may wait; absent: any number. */
  maxWaiting?: number;
}

interface Queue {
  used: number;
  readonly waiters: Set<Waiter & { weight: number }>;
}

/**
 * Lanes that are shared out: nobody has more than a share of them, and those who wait for one take turns, so that a thousand
 * requests of one don't stand before the first of another. What is larger than a share goes when nothing else of its owner does.
 */
export class FairLanes {
  private used = 0;
  private queued = 0;
  /** Of those who have lanes, or wait for some. */
  private readonly queues = new Map<string, Queue>();

  constructor(private readonly shares: Shares) {}

  /** How many wait. */
  get waiting(): number {
    return this.queued;
  }

  /** Takes `weight` lanes at once, where they are free. @throws LanesBusy, also where too many wait; LanesLeft */
  async take(who: string, waiting: Waiting = {}, weight = 1): Promise<Release> {
    if (waiting.gone?.aborted) throw new LanesLeft('Not wanted any more');
    const queue = this.queues.get(who) ?? this.open(who);
    if (queue.waiters.size === 0 && this.fits(queue, weight)) return this.admit(who, queue, weight);
    if (queue.waiters.size >= (this.shares.maxWaiting ?? Infinity)) throw new LanesBusy('Too many wait');
    this.queued += 1;
    const enter = () => this.admit(who, queue, weight);
    return waitIn(queue.waiters, enter, (waiter) => ({ ...waiter, weight }), waiting).finally(() => {
      this.queued -= 1;
      // Who left may have stood before somebody who fits.
      this.admitNext();
      this.close(who, queue);
    });
  }

  /** Does `work` in a lane. @throws LanesBusy, LanesLeft, and whatever `work` throws */
  async pass<T>(who: string, work: () => Promise<T>, waiting?: Waiting, weight?: number): Promise<T> {
    const release = await this.take(who, waiting, weight);
    try {
      return await work();
    } finally {
      release();
    }
  }

  private open(who: string): Queue {
    const queue: Queue = { used: 0, waiters: new Set() };
    this.queues.set(who, queue);
    return queue;
  }

  private close(who: string, queue: Queue): void {
    if (queue.used === 0 && queue.waiters.size === 0) this.queues.delete(who);
  }

  private admit(who: string, queue: Queue, weight: number): Release {
    let held = true;
    queue.used += weight;
    this.used += weight;
    return () => {
      if (!held) return;
      held = false;
      queue.used -= weight;
      this.used -= weight;
      this.admitNext();
      this.close(who, queue);
    };
  }

  private admitNext(): void {
    if (this.queued === 0) return;
    // Who was admitted stands at the end then, and is met again after all others.
    for (const [who, queue] of this.queues) {
      if (this.used >= (this.shares.max ?? Infinity)) return;
      const [first] = queue.waiters;
      if (!first || !this.fits(queue, first.weight)) continue;
      this.queues.delete(who);
      this.queues.set(who, queue);
      first.admit();
    }
  }

  private fits(queue: Queue, weight: number): boolean {
    const { max = Infinity, each } = this.shares;
    const ofAll = this.used === 0 || this.used + weight <= max;
    return ofAll && (queue.used === 0 || queue.used + weight <= each);
  }
}

/** How long work of many steps may go on before others get their turn. */
const STRIDE_MS = 10;

/** Work of many steps that holds nobody up: `if (pace.isDue) await pace.rest()` between two of them. */
export class Pace {
  private since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.since > STRIDE_MS;
  }

  async rest(): Promise<void> {
    await breathe();
    this.since = performance.now();
  }
}
