import { Injectable } from '@nestjs/common';
import type { Order } from '../../http/request/paging';
import { columnsOf, Conditions, containing } from '../../database/door/conditions';
import type { TenantTx } from '../../database/door/tenant-database';
import { bestShare, present, sharedWith, type SharePermission } from '../thread-access';
import { Thread, type ThreadStatus } from '../thread.entity';

/** Which threads, in what order. Who may see them is decided before: `userId` is absent only for admins. */
export interface ThreadFilter {
  orgId: string;
  userId?: string;
  /** Only threads that others share with this user. */
  sharedWith?: string;
  statuses: readonly ThreadStatus[];
  name?: string;
  metadata?: string;
  createdFrom?: Date;
  createdTo?: Date;
  updatedFrom?: Date;
  updatedTo?: Date;
}

/** A thread of a list; of one that is shared, with what the reader was given. */
export type ListedThread = Thread & { permission?: SharePermission; share_id?: string };

export interface ThreadSlice {
  sort: 'updated_at' | 'created_at';
  order: Order;
  /** Sort key of the last thread of the page before. */
  after?: unknown[];
  limit: number;
  offset: number;
}

const COLUMNS = columnsOf(Thread, 't');

@Injectable()
export class ThreadListRepository {
  /**
   * One page. Each status is read in index order on its own and the two are merged, so that the cost is that of the
   * page, however many threads there are.
   */
  async list(tx: TenantTx, filter: ThreadFilter, slice: ThreadSlice): Promise<ListedThread[]> {
    const where = conditions(filter);
    // Ids are UUIDv7: their order is the order of creation, and it has an index.
    const keys: Record<string, string> =
      slice.sort === 'created_at' ? { 't.id': 'uuid' } : { 't.updated_at': 'timestamptz', 't.id': 'uuid' };
    where.beyond(keys, slice.after, slice.order);
    const order = Object.keys(keys)
      .map((key) => `${key} ${slice.order}`)
      .join(', ');
    const parts = filter.statuses.map((status) => {
      // A constant of the code, so that each part is planned for its index.
      const matches = `${where} AND t.status = '${status}'`;
      return `(SELECT ${COLUMNS} FROM threads t WHERE ${matches} ORDER BY ${order} LIMIT :limit::bigint + :offset::bigint)`;
    });
    const page = `SELECT ${COLUMNS} FROM (${parts.join(' UNION ALL ')}) t ORDER BY ${order} LIMIT :limit OFFSET :offset`;
    const values = { ...where.values, limit: slice.limit, offset: slice.offset };
    if (filter.sharedWith === undefined) return tx.query<Thread>(page, values);
    const share = bestShare('t', ':orgId', ':sharedWith');
    const text = `SELECT ${COLUMNS}, h.* FROM (${page}) t CROSS JOIN LATERAL (${share}) h ORDER BY ${order}`;
    return tx.query<ListedThread>(text, values);
  }

  total(tx: TenantTx, filter: ThreadFilter): Promise<number> {
    const where = conditions(filter).add('t.status = ANY(:statuses)', { statuses: filter.statuses });
    return tx.repo(Thread).createQueryBuilder('t').where(where.toString(), where.values).getCount();
  }
}

const conditions = (filter: ThreadFilter) =>
  new Conditions(`t.org_id = :orgId AND ${present('t')}`, { orgId: filter.orgId })
    .add('t.user_id = :userId', { userId: filter.userId })
    .add(sharedWith('t', ':orgId', ':sharedWith'), { sharedWith: filter.sharedWith })
    // In the locale C, which the embedded server has, only A to Z have a case.
    .add('t.name COLLATE "und-x-icu" ILIKE :name', {
      name: filter.name === undefined ? undefined : containing(filter.name),
    })
    .add('t.metadata @> :metadata::jsonb', { metadata: filter.metadata })
    .add('t.created_at >= :createdFrom', { createdFrom: filter.createdFrom })
    .add('t.created_at < :createdTo', { createdTo: filter.createdTo })
    .add('t.updated_at >= :updatedFrom', { updatedFrom: filter.updatedFrom })
    .add('t.updated_at < :updatedTo', { updatedTo: filter.updatedTo });
