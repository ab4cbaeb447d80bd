import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import { principalValues, visibleThread } from '../threads/thread-access';
import type { Thread } from '../threads/thread.entity';

type Shown = 'id' | 'name' | 'session_id' | 'forked_from_thread_id' | 'forked_from_seq' | 'created_at';

/** A thread of a tree. */
export type LineageRow = Pick<Thread, Shown> & {
  /** 0 is the root. */
  depth: number;
};

const COLUMNS = `t.id, t.name, t.session_id, t.forked_from_thread_id, t.forked_from_seq, t.created_at`;

@Injectable()
export class LineageRepository {
  /**
   * The thread and its forks that the caller may see, level by level; none if the thread is not in sight. Below a fork that is
   * not in sight nothing is.
   */
  descendants(tx: TenantTx, principal: Principal, id: string, mostDeep: number, limit: number): Promise<LineageRow[]> {
    // A level at a time, so that the limit cuts off the deepest ones, and nothing is read that is not shown.
    const text = `
      WITH RECURSIVE tree AS (
        SELECT ${COLUMNS}, 0 AS depth FROM threads t WHERE ${visibleThread('t', 1)} AND t.id = $4
        UNION ALL
        SELECT ${COLUMNS}, p.depth + 1
        FROM tree p JOIN threads t ON t.forked_from_thread_id = p.id AND ${visibleThread('t', 1)}
        WHERE p.depth < $5
      )
      SELECT * FROM tree LIMIT $6`;
    return tx.query<LineageRow>({ name: 'forking_descendants', text }, [
      ...principalValues(principal),
      id,
      mostDeep,
      limit,
    ]);
  }
}
