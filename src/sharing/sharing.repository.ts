import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import type { Principal } from '../organizations';
import type { Order } from '../http/request/paging';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { inForce, sqlForTarget, type Target, type Thread } from '../threads';
import { Share } from './share.entity';
import type { ShareRow } from './sharing.dto';

/** Shares of one thread, of accepted links included: more would make a list of a thread's readers long, and its deletion slow. */
export const MAX_SHARES = 1000;

export type NewShare = Pick<Share, 'id' | 'user_id' | 'permission' | 'secret_hash' | 'expires_at' | 'created_by'>;

/** What stands anew in a share; what is absent stays, and something is there. */
interface ShareChange {
  permission?: Share['permission'];
  /** null: without end. */
  expires_at?: Date | null;
}

interface ShareSlice {
  /** Id of the last share of the page before. */
  after?: string;
  order: Order;
  limit: number;
  offset: number;
}

type SharedThread = Pick<Thread, 'org_id' | 'id' | 'user_id'>;

const SHOWN = [
  'id',
  'thread_id',
  'user_id',
  'link_id',
  'permission',
  'created_by',
  'expires_at',
  'created_at',
] as const satisfies (keyof ShareRow)[];
const COLUMNS = SHOWN.map((column) => `h.${column}`).join(', ');

const FIND_THREAD = sqlForTarget<never, SharedThread>(
  'shares_find_thread',
  'own',
)((isTarget) => `SELECT t.org_id, t.id, t.user_id FROM threads t WHERE ${isTarget}`);

const LOCK = sqlForTarget<'id', ShareRow>(
  'shares_lock',
  'own',
)(
  (isTarget) => `
    SELECT ${COLUMNS} FROM threads t JOIN shares h ON h.org_id = t.org_id AND h.thread_id = t.id
    WHERE ${isTarget} AND h.id = :id AND ${inForce('h')} FOR UPDATE OF h`,
);

const DELETE = sqlForTarget<'id'>(
  'shares_delete',
  'own',
)(
  (isTarget) => `
    DELETE FROM shares h USING threads t
    WHERE ${isTarget} AND h.org_id = t.org_id AND h.thread_id = t.id AND h.id = :id`,
);

const listStatement = (order: Order, isAfter: string) =>
  sqlForTarget<'after' | 'limit' | 'offset', ShareRow>(
    `shares_list_${order}`,
    'own',
  )(
    (isTarget) => `
      SELECT h.* FROM threads t LEFT JOIN LATERAL (
        SELECT ${COLUMNS} FROM shares h
        WHERE h.org_id = :orgId AND h.thread_id = t.id AND ${inForce('h')} AND (:after::uuid IS NULL OR h.id ${isAfter} :after::uuid)
        ORDER BY h.id ${order} LIMIT :limit OFFSET :offset
      ) h ON true
      WHERE ${isTarget} ORDER BY h.id ${order}`,
  );

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

const LOCK_THREAD = sql<'orgId' | 'threadId'>('shares_lock_thread')`
  SELECT t.id FROM threads t WHERE t.org_id = :orgId AND t.id = :threadId FOR NO KEY UPDATE`;

/** The shares of a thread, for its owner. */
@Injectable()
export class SharingRepository {
  /** The thread if it is the caller's own, or the caller is an admin. */
  async findThread(tx: TenantTx, principal: Principal, target: Target): Promise<SharedThread | undefined> {
    return (await tx.query(FIND_THREAD[target.by], { ...principal, target: target.id }))[0];
  }

  /** @returns `undefined` when the thread is not the caller's */
  async list(tx: TenantTx, principal: Principal, target: Target, slice: ShareSlice): Promise<ShareRow[] | undefined> {
    const { after, order, limit, offset } = slice;
    const values = { ...principal, target: target.id, after, limit, offset };
    const rows = await tx.query(LISTS[order][target.by], values);
    return rows.length === 0 ? undefined : rows.filter((row) => row.id !== null);
  }

  /** What the user has been given directly, as it is said now; `undefined` if there is nothing in force. */
  async replace(tx: TenantTx, thread: SharedThread, userId: string, share: NewShare): Promise<ShareRow | undefined> {
    const { permission, expires_at, created_by } = share;
    const update = tx.repo(Share).createQueryBuilder().update();
    const result = await update
      .set({ permission, expires_at, created_by })
      .where({ org_id: thread.org_id, thread_id: thread.id, user_id: userId, link_id: IsNull() })
      .andWhere(inForce('shares'))
      .returning([...SHOWN])
      .execute();
    return (result.raw as ShareRow[])[0];
  }

  /** Holds the thread against other new shares, so that the limit is exact. @returns how many it has, expired ones included */
  async lockAndCount(tx: TenantTx, orgId: string, threadId: string): Promise<number | undefined> {
    const held = await tx.query(LOCK_THREAD, { orgId, threadId });
    if (held.length === 0) return undefined;
    // A statement of its own: it sees what was committed while the lock was waited for.
    return tx.repo(Share).countBy({ org_id: orgId, thread_id: threadId });
  }

  /** An expired one of the same user is replaced. */
  async insert(tx: TenantTx, thread: SharedThread, share: NewShare): Promise<ShareRow> {
    const insert = tx.repo(Share).createQueryBuilder().insert();
    const result = await insert
      .values({ org_id: thread.org_id, thread_id: thread.id, ...share })
      .orUpdate(['id', 'permission', 'expires_at', 'created_by', 'created_at'], ['org_id', 'thread_id', 'user_id'], {
        indexPredicate: 'user_id IS NOT NULL AND link_id IS NULL',
      })
      .returning([...SHOWN])
      .execute();
    return (result.raw as ShareRow[])[0];
  }

  /** The share, held until the transaction ends: nobody accepts a link meanwhile. */
  async lock(tx: TenantTx, principal: Principal, target: Target, id: string): Promise<ShareRow | undefined> {
    return (await tx.query(LOCK[target.by], { ...principal, target: target.id, id }))[0];
  }

  /** With a held link, the shares of those who have accepted it. @returns the held one as it is then */
  async update(tx: TenantTx, orgId: string, id: string, change: ShareChange): Promise<ShareRow> {
    const update = tx.repo(Share).createQueryBuilder().update();
    const result = await update
      .set(change)
      .where('org_id = :orgId AND (id = :id OR link_id = :id)', { orgId, id })
      .returning([...SHOWN])
      .execute();
    return (result.raw as ShareRow[]).find((row) => row.id === id) as ShareRow;
  }

  /** With a link, what was accepted through it. It waits for writes that rest on it. @returns whether it was there */
  async delete(tx: TenantTx, principal: Principal, target: Target, id: string): Promise<boolean> {
    return (await tx.execute(DELETE[target.by], { ...principal, target: target.id, id })) === 1;
  }
}
