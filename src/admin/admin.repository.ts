import { Injectable } from '@nestjs/common';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { present } from '../threads';

export interface Stats {
  threads: number;
  messages: number;
  sessions: number;
  active: number;
  users: number;
  token_count: number;
  /** Exact decimal, as text. */
  total_cost: string;
}

/* Messages are added up from the counters of their threads, which are exact, and not counted. */
const STATS = sql<'orgId', Stats>('admin_stats')`
  SELECT count(*) AS threads, coalesce(sum(t.message_count), 0)::bigint AS messages, count(s.id) AS sessions,
    count(t.session_id) AS active, (SELECT count(*) FROM users u WHERE u.org_id = :orgId) AS users,
    coalesce(sum(t.token_count), 0)::bigint AS token_count, coalesce(sum(t.total_cost), 0) AS total_cost
  FROM threads t LEFT JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id
  WHERE t.org_id = :orgId AND ${present('t')}`;

@Injectable()
export class AdminRepository {
  /** What the organization keeps now. */
  async stats(tx: TenantTx, orgId: string): Promise<Stats> {
    return (await tx.query(STATS, { orgId }))[0];
  }
}
