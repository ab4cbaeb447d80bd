import { Injectable } from '@nestjs/common';
import type { Order } from '../../http/request/paging';
import { Conditions } from '../../database/door/conditions';
import type { TenantTx } from '../../database/door/tenant-database';
import { endOfPrefix } from '../../database/door/conditions';
import { bestShare, present, sharedWith, type SharePermission, Thread, unexpired } from '../../threads';
import type { SessionRow } from '../session.entity';
import type { SessionState } from '../sessions.dto';
import { SESSION_COLUMNS } from '../sessions.repository';

/** Which sessions. Who may see them is decided before: `userId` is absent only for admins. */
export interface SessionFilter {
  orgId: string;
  userId?: string;
  /** Only sessions that others share with this user. */
  sharedWith?: string;
  prefix?: string;
  /** By default `active`. */
  state?: SessionState | 'all';
}

/** A session of a list; of one that is shared, with what the reader was given. */
export type ListedSession = SessionRow & { permission?: SharePermission; share_id?: string };

export interface SessionSlice {
  sort: 'updated_at' | 'created_at';
  order: Order;
  /** Sort key of the last session of the page before. */
  after?: unknown[];
  limit: number;
  offset: number;
}

@Injectable()
export class SessionListRepository {
  /** One page, read in the order of an index: of active sessions, or of threads. */
  list(tx: TenantTx, filter: SessionFilter, slice: SessionSlice): Promise<ListedSession[]> {
    const where = conditions(filter);
    // Thread ids are UUIDv7: their order is the order of creation, and it has an index.
    const keys: Record<string, string> =
      slice.sort === 'created_at' ? { 't.id': 'uuid' } : { 't.updated_at': 'timestamptz', 't.id': 'uuid' };
    where.beyond(keys, slice.after, slice.order);
    const order = Object.keys(keys)
      .map((key) => `${key} ${slice.order}`)
      .join(', ');
    const [columns, share] = this.shareOf(filter);
    // Cut before it is joined: so the plan is that of a page, however many sessions there are.
    const text = `
      SELECT ${SESSION_COLUMNS}${columns} FROM (
        SELECT t.* FROM threads t WHERE ${where} ORDER BY ${order} LIMIT :limit OFFSET :offset
      ) t JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id ${share}
      ORDER BY ${order}`;
    return tx.query<ListedSession>(text, { ...where.values, limit: slice.limit, offset: slice.offset });
  }

  private shareOf({ sharedWith: reader }: SessionFilter): [columns: string, join: string] {
    if (reader === undefined) return ['', ''];
    return [', h.share_id, h.permission', `CROSS JOIN LATERAL (${bestShare('t', ':orgId', ':reader')}) h`];
  }

  total(tx: TenantTx, filter: SessionFilter): Promise<number> {
    const where = conditions(filter);
    return tx.repo(Thread).createQueryBuilder('t').where(where.toString(), where.values).getCount();
  }
}

/** The name stands in the thread's row only while the session is awake. */
const named = (condition: string) =>
  `EXISTS (SELECT FROM sessions o WHERE o.org_id = t.org_id AND o.thread_id = t.id AND ${condition})`;

const OF_STATE: Record<SessionState | 'all', string> = {
  active: `t.session_id IS NOT NULL AND t.status = 'active' AND ${unexpired('t')}`,
  sleeping: `t.session_id IS NULL AND t.status = 'active' AND ${present('t')} AND ${named('true')}`,
  archived: `t.status = 'archived' AND ${present('t')} AND ${named('true')}`,
  all: `${present('t')} AND ${named('true')}`,
};

function conditions({ orgId, userId, sharedWith: reader, prefix, state = 'active' }: SessionFilter): Conditions {
  const is = (condition: string) => (state === 'active' ? `t.session_id ${condition}` : named(`o.id ${condition}`));
  return new Conditions(`t.org_id = :orgId AND ${OF_STATE[state]}`, { orgId })
    .add('t.user_id = :userId', { userId })
    .add(sharedWith('t', ':orgId', ':reader'), { reader })
    .add(is('>= :prefix'), { prefix })
    .add(is('< :prefixEnd'), { prefixEnd: prefix === undefined ? undefined : endOfPrefix(prefix) });
}
