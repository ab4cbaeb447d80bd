import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import type { Target } from './target';
import { forTargets, targetValues, TOUCH, principalValues, visibleThread } from './thread-access';
import type { AutoSummarize, Thread, ThreadStatus } from './thread.entity';

export interface NewThread {
  id: string;
  user_id: string;
  name: string;
  metadata: Record<string, unknown>;
  auto_summarize?: AutoSummarize | null;
}

export interface ThreadChange {
  name?: string;
  metadata?: Record<string, unknown>;
  status?: ThreadStatus;
  /** null turns it off. */
  auto_summarize?: AutoSummarize | null;
  version?: number;
}

/** How a write to messages changes the counters of their thread. Costs are exact decimals, as text. */
export interface CounterChange {
  messages: number;
  tokens: number;
  costAdded?: string;
  costRemoved?: string;
}

const FIND = forTargets({ name: 'threads_find' }, 'read', (isTarget) => `SELECT t.* FROM threads t WHERE ${isTarget}`);

const LOCK = forTargets(
  { name: 'threads_lock' },
  'write',
  (isTarget) => `SELECT t.* FROM threads t WHERE ${isTarget} FOR UPDATE`,
);

const UPDATE = forTargets(
  { name: 'threads_update' },
  'own',
  (isTarget) => `
    UPDATE threads t SET
      name = coalesce($5, t.name),
      metadata = CASE WHEN $6::jsonb IS NULL THEN t.metadata ELSE throughline_merge_patch(t.metadata, $6) END,
      status = coalesce($7, t.status),
      auto_summarize = CASE WHEN $9::jsonb IS NULL THEN t.auto_summarize ELSE nullif($9::jsonb, 'null') END, ${TOUCH}
    WHERE ${isTarget} AND ($8::bigint IS NULL OR t.version = $8)
    RETURNING t.*`,
);

const DELETE = forTargets(
  { name: 'threads_delete' },
  'own',
  (isTarget) => `DELETE FROM threads t WHERE ${isTarget} AND ($5::bigint IS NULL OR t.version = $5)`,
);

@Injectable()
export class ThreadsRepository {
  async insert(tx: TenantTx, orgId: string, threads: NewThread[]): Promise<Thread[]> {
    const text = `
      INSERT INTO threads (org_id, id, user_id, name, metadata, auto_summarize)
      SELECT $1, t.id, t.user_id, t.name, t.metadata, t.auto_summarize
      FROM jsonb_to_recordset($2::jsonb) AS t(id uuid, user_id text, name text, metadata jsonb, auto_summarize jsonb)
      RETURNING *`;
    return tx.query<Thread>({ name: 'threads_insert', text }, [orgId, JSON.stringify(threads)]);
  }

  /** @returns the thread if the caller may see it */
  async find(tx: TenantTx, principal: Principal, target: Target): Promise<Thread | undefined> {
    return (await tx.query<Thread>(FIND[target.by], targetValues(principal, target)))[0];
  }

  /** The same, and nobody else writes to the thread or its messages until the transaction ends. */
  async lock(tx: TenantTx, principal: Principal, target: Target): Promise<Thread | undefined> {
    return (await tx.query<Thread>(LOCK[target.by], targetValues(principal, target)))[0];
  }

  /** @returns the thread as it is now; `undefined` if it is not there or at another version */
  async update(tx: TenantTx, principal: Principal, target: Target, change: ThreadChange): Promise<Thread | undefined> {
    const metadata = change.metadata && JSON.stringify(change.metadata);
    const { name, status, version } = change;
    const auto = change.auto_summarize === undefined ? undefined : JSON.stringify(change.auto_summarize);
    const values = [...targetValues(principal, target), name, metadata, status, version, auto];
    return (await tx.query<Thread>(UPDATE[target.by], values))[0];
  }

  /** @returns whether it was there, at that version */
  async delete(tx: TenantTx, principal: Principal, target: Target, version?: number): Promise<boolean> {
    return (await tx.execute(DELETE[target.by], [...targetValues(principal, target), version])) === 1;
  }

  /** Adds to the counters of a locked thread. */
  async count(tx: TenantTx, thread: Pick<Thread, 'org_id' | 'id'>, change: CounterChange): Promise<void> {
    const text = `
      UPDATE threads t SET message_count = t.message_count + $3, token_count = t.token_count + $4,
        total_cost = t.total_cost + $5::numeric - $6::numeric, ${TOUCH}
      WHERE t.org_id = $1 AND t.id = $2`;
    const { messages, tokens, costAdded = '0', costRemoved = '0' } = change;
    await tx.execute({ name: 'threads_count', text }, [
      thread.org_id,
      thread.id,
      messages,
      tokens,
      costAdded,
      costRemoved,
    ]);
  }

  async setCurrent(tx: TenantTx, orgId: string, userId: string, threadId: string): Promise<void> {
    const text = `
      INSERT INTO current_threads (org_id, user_id, thread_id) VALUES ($1, $2, $3)
      ON CONFLICT (org_id, user_id) DO UPDATE SET thread_id = excluded.thread_id`;
    await tx.execute({ name: 'current_threads_set', text }, [orgId, userId, threadId]);
  }

  async findCurrent(tx: TenantTx, principal: Principal): Promise<Thread | undefined> {
    const text = `
      SELECT t.* FROM current_threads c
      JOIN threads t ON t.org_id = c.org_id AND t.id = c.thread_id AND ${visibleThread('t', 1)}
      WHERE c.org_id = $1 AND c.user_id = $2`;
    const rows = await tx.query<Thread>({ name: 'current_threads_find', text }, principalValues(principal));
    return rows[0];
  }
}
