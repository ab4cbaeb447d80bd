import { commonErrors } from '../../common/errors';
import { isAborted } from './database.errors';
import { type Frame, inOneFlush, manyInOneFlush } from './transaction';
import type { Tx } from './tx';

/** Transactions of one organization at the same time. */
const MAX_TRANSACTIONS = 2;
/** Reads in one transaction at most. */
const MAX_READS = 16;

type Work<X extends Tx> = (tx: X) => Promise<unknown>;

interface WaitingRead<X extends Tx> {
  readonly work: Work<X>;
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** Runs out when it has waited for a transaction for too long. */
  timer?: NodeJS.Timeout;
}

/** An organization with transactions under way, and the reads that wait for one. */
interface Lanes<X extends Tx> {
  running: number;
  readonly waiting: Set<WaitingRead<X>>;
}

/**
 * Small reads of one organization that wait at the same time, in one transaction: its begin and its end cost as much as a
 * read. Nobody waits for others to come, nor for those behind. Each has a statement and a snapshot of its own, so that it
 * sees what was committed before it was asked for.
 */
export class SharedReads<X extends Tx> {
  private readonly organizations = new Map<string, Lanes<X>>();

  /**
   * @param frameOf makes the transaction of an organization
   * @param patienceMs how long a read waits until its transaction begins
   */
  constructor(
    private readonly frameOf: (orgId: string) => Frame<X>,
    private readonly patienceMs: number,
  ) {}

  /** @throws what `work` throws, and pg's errors; STORE_UNAVAILABLE */
  read<T>(orgId: string, work: (tx: X) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, fail) => {
      const lanes = this.organizations.get(orgId) ?? { running: 0, waiting: new Set() };
      const read: WaitingRead<X> = { work, settle: resolve as (value: unknown) => void, fail };
      lanes.waiting.add(read);
      if (lanes.running === MAX_TRANSACTIONS) {
        read.timer = setTimeout(() => lanes.waiting.delete(read) && fail(tooLong()), this.patienceMs);
        return;
      }
      if (lanes.running === 0) this.organizations.set(orgId, lanes);
      lanes.running += 1;
      void this.run(orgId, lanes);
    });
  }

  private async run(orgId: string, lanes: Lanes<X>): Promise<void> {
    while (lanes.waiting.size > 0) await this.send(orgId, takeFirst(lanes.waiting));
    lanes.running -= 1;
    if (lanes.running === 0) this.organizations.delete(orgId);
  }

  /** Never fails: what goes wrong is the outcome of those who are in it. */
  private async send(orgId: string, reads: WaitingRead<X>[]): Promise<void> {
    try {
      const frame = this.frameOf(orgId);
      const works = reads.map(({ work }) => work);
      await manyInOneFlush(frame, works, (place, outcome) => {
        const { work, settle, fail } = reads[place];
        if (outcome.status === 'fulfilled') settle(outcome.value);
        // One before it failed, which ends the transaction: it is none of its business.
        else if (isAborted(outcome.reason)) inOneFlush(frame, work).then(settle, fail);
        else fail(outcome.reason);
      });
    } catch (error) {
      // Those who have their answer don't hear it.
      for (const { fail } of reads) fail(error);
    }
  }
}

function takeFirst<X extends Tx>(waiting: Set<WaitingRead<X>>): WaitingRead<X>[] {
  const reads: WaitingRead<X>[] = [];
  for (const read of waiting) {
    if (reads.length === MAX_READS) break;
    waiting.delete(read);
    clearTimeout(read.timer);
    reads.push(read);
  }
  return reads;
}

const tooLong = () => commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
