import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { columnsOf, Conditions } from '../../database/door/conditions';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../target';
import { inTrash, sqlForTarget, unexpired, WRITTEN_AT } from '../thread-access';
import { Thread } from '../thread.entity';

interface ThreadTrashSlice {
  /** Time and id of the last thread of the page before. */
  after?: unknown[];
  order: 'asc' | 'desc';
  limit: number;
  offset: number;
  /** Whether what has expired goes there. */
  withExpired: boolean;
}

/** A thread with the time since when it is in the trash. */
export type TrashedRow = Thread & { gone_at: Date };

const COLUMNS = columnsOf(Thread, 't');

/* In the trash it stays for its days, also one that would have expired meanwhile. */
const DISCARD = sqlForTarget<'version'>(
  'threads_discard',
  'own',
)(
  (isTarget) => `
    WITH gone AS (
      UPDATE threads t SET deleted_at = ${WRITTEN_AT}, session_id = NULL, expires_at = NULL, version = t.version + 1, updated_at = ${WRITTEN_AT}
      WHERE ${isTarget} AND (:version::bigint IS NULL OR t.version = :version) RETURNING t.org_id, t.id
    ), current AS (
      DELETE FROM current_threads c USING gone WHERE c.org_id = gone.org_id AND c.thread_id = gone.id
    )
    SELECT id FROM gone`,
);

/* A session lives once more as long as after a write; what is no session any more, for ever. */
const LIFETIME = `CASE WHEN EXISTS (
  SELECT FROM sessions s WHERE s.org_id = t.org_id AND s.thread_id = t.id) THEN t.lifetime_ms END`;

const RESTORE = sql<'orgId' | 'id' | 'mostSessions', Thread>('threads_restore')`
  UPDATE threads t SET deleted_at = NULL,
    session_id = (
      SELECT s.id FROM sessions s WHERE s.org_id = t.org_id AND s.thread_id = t.id
        AND (s.notebook_id IS NULL OR :mostSessions::int = 0 OR :mostSessions > (
          SELECT count(*) FROM sessions o JOIN threads a ON a.org_id = o.org_id AND a.id = o.thread_id
          WHERE o.org_id = :orgId AND o.awake AND o.notebook_id IS NOT NULL AND a.session_id IS NOT NULL
            AND a.id <> :id AND ${unexpired('a')}))
    ), version = t.version + 1, updated_at = ${WRITTEN_AT}, lifetime_ms = ${LIFETIME},
    expires_at = ${WRITTEN_AT} + (${LIFETIME}) * interval '1 ms'
  WHERE t.org_id = :orgId AND t.id = :id RETURNING ${COLUMNS}`;

@Injectable()
export class ThreadTrashRepository {
  /** Moves the thread to the trash; its session is gone, and it is nobody's current thread. @returns whether it was there, at that version */
  async discard(tx: TenantTx, principal: Principal, target: Target, version?: number): Promise<boolean> {
    return (await tx.query(DISCARD[target.by], { ...principal, target: target.id, version })).length === 1;
  }

  /** The thread in the trash, held, if it is the caller's; also one that has just expired. */
  async hold(tx: TenantTx, principal: Principal, id: string): Promise<Thread | undefined> {
    const threads = tx.repo(Thread).createQueryBuilder('t').setLock('pessimistic_write');
    return (await threads.where(`${inTrash('t')} AND t.id = :id`, { ...principal, id }).getOne()) ?? undefined;
  }

  /**
   * Brings a held thread back, with its session unless somebody has given its id away. Where `mostSessions` are active (0: no
   * bound) one of a notebook sleeps until its next read or write. @returns the thread as it is now
   */
  async restore(tx: TenantTx, thread: Thread, mostSessions: number): Promise<Thread> {
    return (await tx.query(RESTORE, { orgId: thread.org_id, id: thread.id, mostSessions }))[0];
  }

  async erase(tx: TenantTx, { org_id, id }: Thread): Promise<void> {
    await tx.repo(Thread).delete({ org_id, id });
  }

  /**
   * A user's threads in the trash, the last one first unless `asc`. What was moved there and what has just expired are read each
   * in its own order, and merged.
   */
  list(tx: TenantTx, orgId: string, userId: string, slice: ThreadTrashSlice): Promise<TrashedRow[]> {
    const { after, order, limit, offset, withExpired } = slice;
    const moved = 't.deleted_at IS NOT NULL';
    const expired = `t.deleted_at IS NULL AND NOT ${unexpired('t')}`;
    const values: Record<string, unknown> = { limit, offset };
    const part = (condition: string, at: string) => {
      const where = new Conditions(`t.org_id = :orgId AND t.user_id = :userId AND ${condition}`, { orgId, userId });
      where.beyond({ [at]: 'timestamptz', 't.id': 'uuid' }, after, order);
      Object.assign(values, where.values);
      return `(SELECT ${COLUMNS}, ${at} AS gone_at FROM threads t WHERE ${where}
        ORDER BY ${at} ${order}, t.id ${order} LIMIT :limit::bigint + :offset::bigint)`;
    };
    const parts = [part(moved, 't.deleted_at'), ...(withExpired ? [part(expired, 't.expires_at')] : [])];
    const text = `SELECT ${COLUMNS}, t.gone_at FROM (${parts.join(' UNION ALL ')}) t
      ORDER BY t.gone_at ${order}, t.id ${order} LIMIT :limit OFFSET :offset`;
    return tx.query<TrashedRow>(text, values);
  }
}
