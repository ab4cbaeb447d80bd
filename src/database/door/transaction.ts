import type { Socket } from 'node:net';
import type { DataSource, EntityTarget, ObjectLiteral, Repository } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { PoolClient, QueryResult } from 'pg';
import { parsersWithIsoTimes, unparsed } from './pg-types';

/** A statement that is prepared once on each connection, under its name. The text may never vary for one name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Times come as ISO texts instead of dates: for rows that go straight into an answer. */
  readonly isoTimes?: boolean;
  /** The same, and what is JSON comes as text: for rows that are written into an answer without being looked at. */
  readonly rawJson?: boolean;
}

/** What a transaction offers to a repository. It ends with the function that it was given to. */
export class Tx {
  /** Statements sent so far; `once` allows exactly one. */
  private sent = 0;
  private closed = false;
  private readonly afterwards: (() => void)[] = [];

  constructor(
    private readonly client: PoolClient,
    private readonly dataSource: DataSource,
    private readonly most = Infinity,
  ) {}

  /** Sends a statement and answers its rows. */
  async query<Row extends object>(statement: Statement | string, values: unknown[] = []): Promise<Row[]> {
    return (await this.send<Row>(statement, values)).rows;
  }

  /** Sends a statement and answers how many rows it changed. */
  async execute(statement: Statement | string, values: unknown[] = []): Promise<number> {
    return (await this.send(statement, values)).rowCount ?? 0;
  }

  /** TypeORM's repository, inside this transaction. Use `insert`, `update` and `delete` with a `where`; never `save`. */
  repo<Entity extends ObjectLiteral>(entity: EntityTarget<Entity>): Repository<Entity> {
    const runner = this.dataSource.createQueryRunner();
    // The runner would take a connection of its own, outside this transaction.
    Object.assign(runner, { databaseConnection: this.client });
    return runner.manager.getRepository(entity);
  }

  /** Runs `work` as soon as the transaction is committed; never if it is rolled back. `work` may not throw. */
  afterCommit(work: () => void): void {
    this.afterwards.push(work);
  }

  /** The transaction is committed. */
  committed(): void {
    for (const work of this.afterwards) work();
  }

  /** Nothing may be sent any more: the end of the transaction is on its way. */
  close(): void {
    this.closed = true;
  }

  private send<Row extends object>(statement: Statement | string, values: unknown[]): Promise<QueryResult<Row>> {
    if (this.closed || this.sent >= this.most)
      throw new Error('The transaction is over: it was opened for one statement');
    this.sent += 1;
    if (typeof statement === 'string') return this.client.query<Row>(statement, values);
    const { name, text } = statement;
    return this.client.query<Row>({ name, text, values, ...typesOf(statement) });
  }
}

function typesOf({ isoTimes, rawJson }: Statement) {
  if (rawJson) return { types: unparsed };
  return isoTimes ? { types: parsersWithIsoTimes } : {};
}

/** The outcome is not known: the connection was lost after COMMIT had been sent. */
export class UnknownOutcome extends Error {
  constructor(cause: unknown) {
    super('The connection was lost while the transaction was being committed', { cause });
  }
}

/** What both kinds of transaction need. */
export interface Frame<X extends Tx> {
  dataSource: DataSource;
  /** The text command that begins the transaction and binds it. */
  begin: string;
  makeTx: (client: PoolClient) => X;
}

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
      tx.close();
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

/**
 * The same for exactly one statement: begin, statement and commit leave in one write, one round trip in all.
 * `work` must send its statement before it first awaits.
 */
export async function inOneFlush<T, X extends Tx>(frame: Frame<X>, work: (tx: X) => Promise<T>): Promise<T> {
  return onConnection(frame, async (client) => {
    const tx = frame.makeTx(client);
    const { results, committed } = await flush(client, frame.begin, [() => startOnly(work, tx)]);
    const [result] = results;
    if (result.status === 'rejected') throw result.reason;
    await commit(committed);
    tx.committed();
    return result.value;
  });
}

/**
 * The same for several reads that know nothing of each other, one statement each. When one fails, so do those behind it.
 * @param settled hears what became of each, by its place, as soon as it is known: a read needs nothing of COMMIT
 * @throws what begin was refused for, and UnknownOutcome: for all that have not settled
 */
export function manyInOneFlush<X extends Tx>(
  frame: Frame<X>,
  works: ((tx: X) => Promise<unknown>)[],
  settled: (place: number, outcome: PromiseSettledResult<unknown>) => void,
): Promise<void> {
  return onConnection(frame, async (client) => {
    const starts = works.map((work, place) => (begun: Promise<unknown>) => {
      const working = startOnly(work, frame.makeTx(client));
      const tell = (outcome: PromiseSettledResult<unknown>) => begun.then(() => settled(place, outcome));
      return working.then(
        (value) => tell({ status: 'fulfilled', value }),
        (reason: unknown) => tell({ status: 'rejected', reason }),
      );
    });
    await flush(client, frame.begin, starts);
  });
}

/** Sends begin, what the works send, and COMMIT in one write. @throws UnknownOutcome, and what begin was refused for */
async function flush<T>(client: PoolClient, begin: string, starts: ((begun: Promise<unknown>) => Promise<T>)[]) {
  const stream = streamOf(client);
  stream.cork();
  const begun = client.query(begin);
  const working = Promise.allSettled(starts.map((begins) => begins(begun)));
  const committed = client.query('COMMIT');
  stream.uncork();
  const [beginning, end] = await Promise.allSettled([begun, committed]);
  const results = await working;
  // All were on their way at once, so a lost connection leaves open how far they came.
  if (end.status === 'rejected') throw new UnknownOutcome(end.reason);
  if (beginning.status === 'rejected') throw beginning.reason;
  return { results, committed };
}

/**
 * A connection goes back to the pool only when its transaction has ended; otherwise it is destroyed, because the next
 * borrower would find itself in the old tenant's transaction.
 */
async function onConnection<T, X extends Tx>(
  { dataSource }: Frame<X>,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const { client, release } = await connect(dataSource);
  try {
    return await work(client);
  } finally {
    release(client.getTransactionStatus() !== 'I');
  }
}

/** The socket of a connection: held back, what is written leaves in one packet and wakes PostgreSQL once. */
const streamOf = (client: PoolClient) => (client as unknown as { connection: { stream: Socket } }).connection.stream;

/** Starts at once, up to the first await; what is thrown on the way becomes a rejection. */
const start = async <T, X>(work: (tx: X) => Promise<T>, tx: X): Promise<T> => work(tx);

/** The same for work that may send nothing later: the end of the transaction follows at once. */
function startOnly<T, X extends Tx>(work: (tx: X) => Promise<T>, tx: X): Promise<T> {
  const working = start(work, tx);
  tx.close();
  return working;
}

async function commit(committed: Promise<QueryResult>): Promise<void> {
  const { command } = await committed.catch((error: unknown) => {
    throw new UnknownOutcome(error);
  });
  // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error.
  if (command !== 'COMMIT') throw new Error('The transaction had failed and was rolled back');
}

interface Lease {
  client: PoolClient;
  /** Gives the connection back, or destroys it. */
  release: (destroy: boolean) => void;
}

async function connect(dataSource: DataSource): Promise<Lease> {
  const driver = dataSource.driver as PostgresDriver;
  const [client, done] = (await driver.obtainMasterConnection()) as [PoolClient, (destroy?: boolean) => void];
  // Without a listener, a connection that breaks while it is lent out would end the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  const release = (destroy: boolean) => {
    // A connection that is being destroyed may still fail, and then nobody else listens.
    if (!destroy) client.removeListener('error', ignore);
    done(destroy);
  };
  return { client, release };
}
