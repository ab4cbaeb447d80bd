import type { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { QueryResult as TypeOrmResult } from 'typeorm/query-runner/QueryResult.js';
import type { QueryResult } from 'pg';

/** Sends one statement on the connection of a transaction. */
export type Send = (text: string, values: unknown[]) => Promise<QueryResult>;

/**
 * TypeORM's way into a transaction that the door has begun: whatever its repositories and query builders send goes through
 * the transaction's own `send`. It has no connection of its own and cannot begin or end anything.
 */
export class TransactionRunner extends PostgresQueryRunner {
  constructor(
    dataSource: DataSource,
    private readonly send: Send,
  ) {
    super(dataSource.driver as PostgresDriver, 'master');
    // TypeORM would begin a transaction for some writes.
    this.isTransactionActive = true;
  }

  /** Without log, events and wrapped errors: the door maps what `pg` throws. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- TypeORM's own signature
  override async query(text: string, values: unknown[] = [], structured = false): Promise<any> {
    const { rows, rowCount, command } = await this.send(text, values);
    const changes = command === 'UPDATE' || command === 'DELETE';
    const raw = changes ? [rows, rowCount] : rows;
    if (!structured) return raw;
    return Object.assign(new TypeOrmResult(), { raw, records: rows, affected: rowCount ?? undefined });
  }

  override connect(): Promise<never> {
    return refuse('has its connection');
  }

  override startTransaction(): Promise<never> {
    return refuse('is begun');
  }

  override commitTransaction(): Promise<never> {
    return refuse('ends by itself');
  }

  override rollbackTransaction(): Promise<never> {
    return refuse('ends by itself');
  }

  override stream(): Promise<never> {
    return refuse('sends statements only');
  }

  override async release(): Promise<void> {
    // The door gives the connection back.
  }
}

const refuse = (why: string): Promise<never> => Promise.reject(new Error(`A transaction of the door ${why}`));
