import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { Order } from '../http/request/paging';
import type { TenantTx } from '../database/door/tenant-database';
import type { Target } from '../threads/target';
import { forTargets, inForce, targetValues } from '../threads/thread-access';
import type { Thread } from '../threads/thread.entity';
import type { Share } from './share.entity';
import type { ShareRow } from './sharing.dto';

/** Shares of one thread, of accepted links included: more would make a list of a thread's readers long, and its deletion slow. */
export const MAX_SHARES = 1000;

export type NewShare = Pick<Share, 'id' | 'user_id' | 'permission' | 'secret_hash' | 'expires_at' | 'created_by'>;

/** What stands anew in a share; what is absent stays. */
export interface ShareChange {
  permission?: Share['permission'];
  /** null: without end. */
  expires_at?: Date | null;
}

export interface ShareSlice {
  /** Id of the last share of the page before. */
  after?: string;
  order: Order;
  limit: number;
  offset: number;
}

type SharedThread = Pick<Thread, 'org_id' | 'id' | 'user_id'>;

const COLUMNS = `h.id, h.thread_id, h.user_id, h.link_id, h.permission, h.created_by, h.expires_at, h.created_at`;

const FIND_THREAD = forTargets(
  { name: 'shares_find_thread' },
  'own',
  (isTarget) => `SELECT t.org_id, t.id, t.user_id FROM threads t WHERE ${isTarget}`,
);

const LOCK = forTargets(
  { name: 'shares_lock' },
  'own',
  (isTarget) => `
    SELECT ${COLUMNS} FROM threads t JOIN shares h ON h.org_id = t.org_id AND h.thread_id = t.id
    WHERE ${isTarget} AND h.id = $5 AND ${inForce('h')} FOR UPDATE OF h`,
);

const DELETE = forTargets(
  { name: 'shares_delete' },
  'own',
  (isTarget) => `
    DELETE FROM shares h USING threads t
    WHERE ${isTarget} AND h.org_id = t.org_id AND h.thread_id = t.id AND h.id = $5`,
);

const listStatement = (order: Order, isAfter: string) =>
  forTargets(
    { name: `shares_list_${order}` },
    'own',
    (isTarget) => `
      SELECT h.* FROM threads t LEFT JOIN LATERAL (
        SELECT ${COLUMNS} FROM shares h
        WHERE h.org_id = $1 AND h.thread_id = t.id AND ${inForce('h')} AND ($5::uuid IS NULL OR h.id ${isAfter} $5::uuid)
        ORDER BY h.id ${order} LIMIT $6 OFFSET $7
      ) h ON true
      WHERE ${isTarget} ORDER BY h.id ${order}`,
  );

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

/** The shares of a thread, for its owner. */
@Injectable()
export class SharingRepository {
  /** The thread if it is the caller's own, or the caller is an admin. */
  async findThread(tx: TenantTx, principal: Principal, target: Target): Promise<SharedThread | undefined> {
    return (await tx.query<SharedThread>(FIND_THREAD[target.by], targetValues(principal, target)))[0];
  }

  /** @returns `undefined` when the thread is not the caller's */
  async list(tx: TenantTx, principal: Principal, target: Target, slice: ShareSlice): Promise<ShareRow[] | undefined> {
    const { after, order, limit, offset } = slice;
    const values = [...targetValues(principal, target), after, limit, offset];
    const rows = await tx.query<ShareRow>(LISTS[order][target.by], values);
    return rows.length === 0 ? undefined : rows.filter((row) => row.id !== null);
  }

  /** What the user has been given directly, as it is said now; `undefined` if there is nothing in force. */
  async replace(tx: TenantTx, thread: SharedThread, share: NewShare): Promise<ShareRow | undefined> {
    const text = `
      UPDATE shares h SET permission = $4, expires_at = $5, created_by = $6
      WHERE h.org_id = $1 AND h.thread_id = $2 AND h.user_id = $3 AND h.link_id IS NULL AND ${inForce('h')}
      RETURNING ${COLUMNS}`;
    const { user_id, permission, expires_at, created_by } = share;
    const values = [thread.org_id, thread.id, user_id, permission, expires_at, created_by];
    return (await tx.query<ShareRow>({ name: 'shares_replace', text }, values))[0];
  }

  /** Holds the thread against other new shares, so that the limit is exact. @returns how many it has, expired ones included */
  async lockAndCount(tx: TenantTx, orgId: string, threadId: string): Promise<number | undefined> {
    const lock = `SELECT t.id FROM threads t WHERE t.org_id = $1 AND t.id = $2 FOR NO KEY UPDATE`;
    const held = await tx.query({ name: 'shares_lock_thread', text: lock }, [orgId, threadId]);
    if (held.length === 0) return undefined;
    // A statement of its own: it sees what was committed while the lock was waited for.
    const count = `SELECT count(*) AS shares FROM shares h WHERE h.org_id = $1 AND h.thread_id = $2`;
    return (await tx.query<{ shares: number }>({ name: 'shares_count', text: count }, [orgId, threadId]))[0].shares;
  }

  /** An expired one of the same user is replaced. */
  async insert(tx: TenantTx, thread: SharedThread, share: NewShare): Promise<ShareRow> {
    const text = `
      INSERT INTO shares AS h (org_id, id, thread_id, user_id, permission, secret_hash, expires_at, created_by)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      ON CONFLICT (org_id, thread_id, user_id) WHERE user_id IS NOT NULL AND link_id IS NULL DO UPDATE SET
        id = excluded.id, permission = excluded.permission, expires_at = excluded.expires_at,
        created_by = excluded.created_by, created_at = excluded.created_at
      RETURNING ${COLUMNS}`;
    const { id, user_id, permission, secret_hash, expires_at, created_by } = share;
    const values = [thread.org_id, id, thread.id, user_id, permission, secret_hash, expires_at, created_by];
    return (await tx.query<ShareRow>({ name: 'shares_insert', text }, values))[0];
  }

  /** The share, held until the transaction ends: nobody accepts a link meanwhile. */
  async lock(tx: TenantTx, principal: Principal, target: Target, id: string): Promise<ShareRow | undefined> {
    return (await tx.query<ShareRow>(LOCK[target.by], [...targetValues(principal, target), id]))[0];
  }

  /** With a held link, the shares of those who have accepted it. @returns the held one as it is then */
  async update(tx: TenantTx, orgId: string, id: string, change: ShareChange): Promise<ShareRow> {
    const text = `
      UPDATE shares h SET permission = coalesce($3, h.permission), expires_at = CASE WHEN $4 THEN $5 ELSE h.expires_at END
      WHERE h.org_id = $1 AND (h.id = $2 OR h.link_id = $2) RETURNING ${COLUMNS}`;
    const values = [orgId, id, change.permission, change.expires_at !== undefined, change.expires_at];
    const rows = await tx.query<ShareRow>({ name: 'shares_update', text }, values);
    return rows.find((row) => row.id === id) as ShareRow;
  }

  /** With a link, what was accepted through it. It waits for writes that rest on it. @returns whether it was there */
  async delete(tx: TenantTx, principal: Principal, target: Target, id: string): Promise<boolean> {
    return (await tx.execute(DELETE[target.by], [...targetValues(principal, target), id])) === 1;
  }
}
