import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { columnsOf, Conditions } from '../../database/door/conditions';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../target';
import { inTrash, sqlForTarget, TOUCH, unexpired, WRITTEN_AT } from '../thread-access';
import { Thread } from '../thread.entity';

interface ThreadTrashSlice {
  /** Time and id of the last thread of the page before. */
  after?: unknown[];
  order: 'asc' | 'desc';
  limit: number;
  offset: number;
}

/* A session's life does not end later for that its thread is in the trash. */
const DISCARD = sqlForTarget<'version'>(
  'threads_discard',
  'own',
)(
  (isTarget) => `
    WITH gone AS (
      UPDATE threads t SET deleted_at = ${WRITTEN_AT}, session_id = NULL, version = t.version + 1, updated_at = ${WRITTEN_AT}
      WHERE ${isTarget} AND (:version::bigint IS NULL OR t.version = :version) RETURNING t.org_id, t.id
    ), current AS (
      DELETE FROM current_threads c USING gone WHERE c.org_id = gone.org_id AND c.thread_id = gone.id
    )
    SELECT id FROM gone`,
);

const RESTORE = sql<'orgId' | 'id' | 'mostSessions', Thread>('threads_restore')`
  UPDATE threads t SET deleted_at = NULL,
    session_id = (
      SELECT s.id FROM sessions s WHERE s.org_id = t.org_id AND s.thread_id = t.id
        AND (:mostSessions::int = 0 OR :mostSessions > (
          SELECT count(*) FROM threads a WHERE a.org_id = :orgId AND a.session_id IS NOT NULL AND ${unexpired('a')}))
    ), ${TOUCH}
  WHERE t.org_id = :orgId AND t.id = :id RETURNING ${columnsOf(Thread, 't')}`;

@Injectable()
export class ThreadTrashRepository {
  /** Moves the thread to the trash; its session is gone, and it is nobody's current thread. @returns whether it was there, at that version */
  async discard(tx: TenantTx, principal: Principal, target: Target, version?: number): Promise<boolean> {
    return (await tx.query(DISCARD[target.by], { ...principal, target: target.id, version })).length === 1;
  }

  /** The thread in the trash, held, if it is the caller's. */
  async hold(tx: TenantTx, principal: Principal, id: string): Promise<Thread | undefined> {
    const threads = tx.repo(Thread).createQueryBuilder('t').setLock('pessimistic_write');
    return (await threads.where(`${inTrash('t')} AND t.id = :id`, { ...principal, id }).getOne()) ?? undefined;
  }

  /**
   * Brings a held thread back, with its session unless somebody has given its id away. Where `mostSessions` are active (0: no
   * bound) it sleeps until its next write. @returns the thread as it is now
   */
  async restore(tx: TenantTx, thread: Thread, mostSessions: number): Promise<Thread> {
    return (await tx.query(RESTORE, { orgId: thread.org_id, id: thread.id, mostSessions }))[0];
  }

  async erase(tx: TenantTx, { org_id, id }: Thread): Promise<void> {
    await tx.repo(Thread).delete({ org_id, id });
  }

  /** A user's threads in the trash, the last one first unless `asc`. */
  list(tx: TenantTx, orgId: string, userId: string, slice: ThreadTrashSlice): Promise<Thread[]> {
    const { after, order, limit, offset } = slice;
    const where = new Conditions(
      `t.org_id = :orgId AND t.user_id = :userId AND t.deleted_at IS NOT NULL AND ${unexpired('t')}`,
      { orgId, userId },
    );
    where.beyond({ 't.deleted_at': 'timestamptz', 't.id': 'uuid' }, after, order);
    const direction = order === 'asc' ? 'ASC' : 'DESC';
    const threads = tx.repo(Thread).createQueryBuilder('t').where(where.toString(), where.values);
    return threads.orderBy({ 't.deleted_at': direction, 't.id': direction }).limit(limit).offset(offset).getMany();
  }
}
