import { Injectable } from '@nestjs/common';
import { Client, type ClientConfig } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';

/**
 * A connection to PostgreSQL that hears of its own failure from its birth on. pg-pool listens to those that nobody uses, and
 * takes its listener away before it hands a new one out: a FATAL that comes in one packet with the server's greeting would
 * meet none, and end the process. Whoever uses the connection learns of the failure from the next statement.
 */
export class DatabaseClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

type Query = Client['query'];

/**
 * Sends statements without their names. Behind a pooler each transaction may be on another connection, where nothing was
 * prepared under the name, or something else was.
 */
export class UnnamedClient extends DatabaseClient {
  override query: Query = ((query: unknown, ...rest: unknown[]) => {
    const send = super.query.bind(this) as (...all: unknown[]) => unknown;
    return isNamed(query) ? send({ ...query, name: undefined }, ...rest) : send(query, ...rest);
  }) as Query;
}

const isNamed = (query: unknown): query is { name: string } =>
  typeof query === 'object' && query !== null && 'name' in query && !('submit' in query);

/** How the connections to PostgreSQL are used. */
@Injectable()
export class PoolStats {
  constructor(private readonly dataSource: DataSource) {}

  /** Connections, those that nobody uses, and transactions that wait for one. */
  read(): { total: number; idle: number; waiting: number } {
    const pool = (this.dataSource.driver as PostgresDriver).master as Record<string, number> | undefined;
    return { total: pool?.totalCount ?? 0, idle: pool?.idleCount ?? 0, waiting: pool?.waitingCount ?? 0 };
  }
}
