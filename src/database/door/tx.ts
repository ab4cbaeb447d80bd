import type { DataSource, EntityManager, EntityTarget, ObjectLiteral, Repository } from 'typeorm';
import type { QueryConfig, QueryResult } from 'pg';
import type { DatabaseClient } from './connections';
import { parsersWithIsoTimes, unparsed } from './pg-types';
import { inOrder, numbered, type RowFormat, type Statement, type Values } from './sql';
import { type Send, TransactionRunner } from './typeorm-runner';

/** What a transaction offers to a repository. It ends with the function that it was given to. */
export class Tx {
  private sent = 0;
  private closed = false;
  private onSpent?: () => void;
  private manager?: EntityManager;
  private readonly afterwards: (() => void)[] = [];

  constructor(
    private readonly client: DatabaseClient,
    private readonly dataSource: DataSource,
    private readonly max = Infinity,
  ) {}

  /** Sends a statement and answers its rows. Parameters are named: `:key` in the text, `{ key }` in the values. */
  query<Names extends string, Row extends object>(
    statement: Statement<Names, Row>,
    ...values: [Names] extends [never] ? [] : [Values<Names>]
  ): Promise<Row[]>;
  query<Row extends object>(statement: string, values?: Values): Promise<Row[]>;
  async query(statement: Statement | string, values?: Values): Promise<object[]> {
    return (await this.send(statement, values)).rows;
  }

  /** Sends a statement and answers how many rows it changed. */
  execute<Names extends string>(
    statement: Statement<Names>,
    ...values: [Names] extends [never] ? [] : [Values<Names>]
  ): Promise<number>;
  execute(statement: string, values?: Values): Promise<number>;
  async execute(statement: Statement | string, values?: Values): Promise<number> {
    return (await this.send(statement, values)).rowCount ?? 0;
  }

  /** TypeORM's repository, inside this transaction. Use `insert`, `update` and `delete` with a `where`; never `save`. */
  repo<Entity extends ObjectLiteral>(entity: EntityTarget<Entity>): Repository<Entity> {
    this.manager ??= managerOf(this.dataSource, (text, values) => this.send(text, values));
    return this.manager.getRepository(entity);
  }

  /** Runs `work` as soon as the transaction is committed; never if it is rolled back. `work` may not throw. */
  afterCommit(work: () => void): void {
    this.afterwards.push(work);
  }

  /** The transaction is committed. */
  committed(): void {
    for (const work of this.afterwards) work();
  }

  /** Nothing may be sent any more: the work has ended, or the end of the transaction is on its way. */
  close(): void {
    this.closed = true;
    this.onSpent?.();
  }

  /** Whether nothing more can come: all statements that it was opened for are on their way, or it is closed. */
  get spent(): boolean {
    return this.closed || this.sent >= this.max;
  }

  whenSpent(): Promise<void> {
    return new Promise((resolve) => (this.onSpent = resolve));
  }

  private async send(statement: Statement | string, values: Values | unknown[] = []): Promise<QueryResult<object>> {
    if (this.spent) throw new Error('The transaction is over: it was opened for one statement');
    const query = toQuery(statement, values);
    this.sent += 1;
    const sending = this.client.query<object>(query);
    if (this.spent) this.onSpent?.();
    return sending;
  }
}

function managerOf(dataSource: DataSource, send: Send): EntityManager {
  const runner = new TransactionRunner(dataSource, send);
  runner.manager = dataSource.createEntityManager(runner);
  return runner.manager;
}

/** What `pg` is given. */
export function toQuery(statement: Statement | string, values: Values | unknown[] = []): QueryConfig {
  if (typeof statement === 'string') return toUnnamed(statement, values);
  const { name, text, parameters } = statement;
  return { name, text, values: inOrder(parameters, values as Values), ...typesOf(statement) };
}

function toUnnamed(named: string, values: Values | unknown[]): QueryConfig {
  if (Array.isArray(values)) return { text: named, values };
  const { text, parameters } = numbered(named);
  return { text, values: inOrder(parameters, values) };
}

function typesOf({ isoTimes, rawJson }: RowFormat) {
  if (rawJson) return { types: unparsed };
  return isoTimes ? { types: parsersWithIsoTimes } : {};
}
