import type { Socket } from 'node:net';
import type { QueryResult } from 'pg';
import type { Config } from '../../config/config';
import { type Connections, type DatabaseClient, GRACE_MS } from './connections';
import type { Tx } from './tx';

/** The outcome is not known: the connection was lost after COMMIT had been sent. */
export class UnknownOutcome extends Error {
  constructor(cause: unknown) {
    super('The connection was lost while the transaction was being committed', { cause });
  }
}

/** What both kinds of transaction need. */
export interface Frame<X extends Tx> {
  connections: Connections;
  /** Whose transaction it is, if it has a tenant. */
  orgId?: string;
  /** The text command that begins the transaction and binds it. */
  begin: string;
  makeTx: (client: DatabaseClient) => X;
  /** How long a statement may run; 0: as long as it takes. */
  limitMs: number;
}

/** How long a statement may run: DB_STATEMENT_TIMEOUT_MS, or less; 0: as long as it takes. */
export function limitOf({ env: { DB_STATEMENT_TIMEOUT_MS: most } }: Config, ownMs = most): number {
  return Math.min(ownMs, most || ownMs);
}

/**
 * PostgreSQL does not hear of a connection that fell silent between two statements, and would keep the locks of its
 * transaction for ever. What leaves in one write has no such moment.
 */
export const endWhenIdle = (limitMs: number) =>
  `SET LOCAL idle_in_transaction_session_timeout = ${limitMs && limitMs + GRACE_MS}`;

/**
 * Runs `work` between `begin` and COMMIT on one pooled connection.
 * @throws whatever `work` threw, after ROLLBACK; UnknownOutcome
 */
export function inTransaction<T, X extends Tx>(frame: Frame<X>, work: (tx: X) => Promise<T>): Promise<T> {
  return onConnection(frame, async (client) => {
    const tx = frame.makeTx(client);
    try {
      // Not awaited: BEGIN leaves together with the first statement (pg's pipeline mode).
      const begun = client.query(frame.begin);
      // Both are waited for: work that still runs must not find its connection lent to somebody else.
      const [beginning, result] = await Promise.allSettled([begun, start(work, tx)]);
      if (beginning.status === 'rejected') throw beginning.reason;
      if (result.status === 'rejected') throw result.reason;
      await commit(client.query('COMMIT'));
      tx.committed();
      return result.value;
    } catch (error) {
      if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
}

/** The same for exactly one statement: begin, statement and commit leave in one write, one round trip in all. */
export async function inOneFlush<T, X extends Tx>(frame: Frame<X>, work: (tx: X) => Promise<T>): Promise<T> {
  return onConnection(frame, async (client) => {
    const tx = frame.makeTx(client);
    const { results, committed } = await flush(client, frame.begin, [{ tx, begin: () => start(work, tx) }]);
    const [result] = results;
    if (result.status === 'rejected') throw result.reason;
    await commit(committed);
    tx.committed();
    return result.value;
  });
}

/**
 * The same for several reads that know nothing of each other, one statement each. When one fails, so do those behind it.
 * @param settled hears what became of each, by its position, as soon as it is known: a read needs nothing of COMMIT
 * @throws what begin was refused for, and UnknownOutcome: for all that have not settled
 */
export function manyInOneFlush<X extends Tx>(
  frame: Frame<X>,
  works: ((tx: X) => Promise<unknown>)[],
  settled: (position: number, outcome: PromiseSettledResult<unknown>) => void,
): Promise<void> {
  return onConnection(frame, async (client) => {
    const starts = works.map((work, position) => {
      const tx = frame.makeTx(client);
      const begin = (begun: Promise<unknown>) => {
        const tell = (outcome: PromiseSettledResult<unknown>) => begun.then(() => settled(position, outcome));
        return start(work, tx).then(
          (value) => tell({ status: 'fulfilled', value }),
          (reason: unknown) => tell({ status: 'rejected', reason }),
        );
      };
      return { tx, begin };
    });
    await flush(client, frame.begin, starts);
  });
}

/** Work of one statement, and the transaction that it sends it by. */
interface Start<T> {
  tx: Tx;
  begin: (begun: Promise<unknown>) => Promise<T>;
}

/**
 * Sends begin, what the works send, and COMMIT in one write. COMMIT waits until each work has sent its statement or ended:
 * what came after it would run outside the transaction, as the login role.
 * @throws UnknownOutcome, and what begin was refused for
 */
async function flush<T>(client: DatabaseClient, begin: string, starts: Start<T>[]) {
  const { stream } = client;
  // Held back, what is written leaves in one packet and wakes PostgreSQL once.
  stream.cork();
  const begun = client.query(begin);
  const beginning = Promise.allSettled([begun]);
  const works = starts.map((one) => one.begin(begun));
  const working = Promise.allSettled(works);
  const late = starts.flatMap(({ tx }) => (tx.spent ? [] : [tx.whenSpent()]));
  if (late.length > 0) await allSent(late, stream);
  for (const { tx } of starts) tx.close();
  const committed = client.query('COMMIT');
  stream.uncork();
  const [[outcome], [end]] = await Promise.all([beginning, Promise.allSettled([committed])]);
  const results = await working;
  // All were on their way at once, so a lost connection leaves open how far they came.
  if (end.status === 'rejected') throw new UnknownOutcome(end.reason);
  if (outcome.status === 'rejected') throw outcome.reason;
  return { results, committed };
}

/** TypeORM sends some steps later; what waits for longer than that holds nobody's statement back. */
async function allSent(late: Promise<void>[], stream: Socket): Promise<void> {
  const release = setImmediate(() => stream.uncork());
  await Promise.all(late);
  clearImmediate(release);
}

async function onConnection<T, X extends Tx>(
  { connections, limitMs, orgId }: Frame<X>,
  work: (client: DatabaseClient) => Promise<T>,
): Promise<T> {
  const { client, release } = await connections.lend(limitMs, orgId);
  try {
    return await work(client);
  } finally {
    release();
  }
}

/** Starts at once, up to the first await; what is thrown on the way becomes a rejection. */
async function start<T, X extends Tx>(work: (tx: X) => Promise<T>, tx: X): Promise<T> {
  try {
    return await work(tx);
  } finally {
    tx.close();
  }
}

async function commit(committed: Promise<QueryResult>): Promise<void> {
  const { command } = await committed.catch((error: unknown) => {
    throw new UnknownOutcome(error);
  });
  // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error.
  if (command !== 'COMMIT') throw new Error('The transaction had failed and was rolled back');
}
