import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';

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
