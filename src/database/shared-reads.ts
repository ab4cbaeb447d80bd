import { commonErrors } from '../common/errors';
import { isAborted, isAway } from './database.errors';
import { type Frame, inOneFlush, manyInOneFlush, type Tx, UnknownOutcome } from './transaction';

/** Transactions of one organization at the same time. */
const LANES = 2;
/** Reads in one transaction at most: nobody shall wait long for those before. */
const MOST = 16;

type Work<X extends Tx> = (tx: X) => Promise<unknown>;

interface WaitingRead<X extends Tx> {
  readonly work: Work<X>;
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  readonly since: number;
}

/** An organization with transactions under way, and the reads that wait for one. */
interface Lanes<X extends Tx> {
  running: number;
  readonly waiting: WaitingRead<X>[];
}

/**
 * Small reads of one organization that wait at the same time, in one transaction: its begin and its end cost as much as a
 * read. Nobody waits for others to come. Each has a statement and a snapshot of its own, so that it sees what was
 * committed before it was asked for.
 */
export class SharedReads<X extends Tx> {
  private readonly organizations = new Map<string, Lanes<X>>();

  /**
   * @param frameOf makes the transaction of an organization
   * @param patienceMs how long a read waits for a transaction
   */
  constructor(
    private readonly frameOf: (orgId: string) => Frame<X>,
    private readonly patienceMs: number,
  ) {}

  /** @throws what `work` throws, and pg's errors; STORE_UNAVAILABLE */
  read<T>(orgId: string, work: (tx: X) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, fail) => {
      const lanes = this.organizations.get(orgId) ?? { running: 0, waiting: [] };
      lanes.waiting.push({ work, settle: resolve as (value: unknown) => void, fail, since: Date.now() });
      if (lanes.running === LANES) return;
      if (lanes.running === 0) this.organizations.set(orgId, lanes);
      lanes.running += 1;
      void this.run(orgId, lanes);
    });
  }

  private async run(orgId: string, lanes: Lanes<X>): Promise<void> {
    const { waiting } = lanes;
    while (waiting.length > 0) {
      const late = this.countLate(waiting);
      if (late > 0) failAll(waiting.splice(0, late), tooLong());
      else await this.send(orgId, waiting.splice(0, MOST), waiting);
    }
    lanes.running -= 1;
    if (lanes.running === 0) this.organizations.delete(orgId);
  }

  /** Never fails: what goes wrong is the outcome of those who are in it. */
  private async send(orgId: string, reads: WaitingRead<X>[], behind: WaitingRead<X>[]): Promise<void> {
    try {
      const frame = this.frameOf(orgId);
      const outcomes = await manyInOneFlush(
        frame,
        reads.map(({ work }) => work),
      );
      outcomes.forEach((outcome, i) => {
        const { work, settle, fail } = reads[i];
        if (outcome.status === 'fulfilled') settle(outcome.value);
        // One before it failed, which ends the transaction: it is none of its business.
        else if (isAborted(outcome.reason)) inOneFlush(frame, work).then(settle, fail);
        else fail(outcome.reason);
      });
    } catch (error) {
      failAll(reads, error);
      // Where no connection is to be had, those behind get none sooner.
      if (isAway(error) && !(error instanceof UnknownOutcome)) failAll(behind.splice(0), error);
    }
  }

  /** How many have waited for too long: they are in front. */
  private countLate(waiting: WaitingRead<X>[]): number {
    const latest = Date.now() - this.patienceMs;
    const others = waiting.findIndex(({ since }) => since >= latest);
    return others === -1 ? waiting.length : others;
  }
}

function failAll<X extends Tx>(reads: WaitingRead<X>[], error: unknown): void {
  for (const { fail } of reads) fail(error);
}

const tooLong = () => commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
