import { Injectable } from '@nestjs/common';
import type { Order } from '../http/request/paging';
import { Conditions } from '../database/door/conditions';
import type { TenantTx } from '../database/door/tenant-database';
import type { Statement } from '../database/door/transaction';
import { unexpired } from '../threads/thread-access';
import type { MemoryVersion } from './memory-version.entity';
import type { Memory } from './memory.entity';
import { inScope, type MemoryScope, scopeValues } from './memory.repository';
import { endOfPrefix } from '../database/door/prefix';

export interface MemoryFilter {
  /** With a session and the user's entries too, a session's entry hides the user's of the same key. */
  includeUser: boolean;
  key?: string;
  prefix?: string;
  updatedFrom?: Date;
  updatedTo?: Date;
}

export interface MemorySlice {
  order: Order;
  /** Key, or for a history version, of the last item of the page before. */
  after?: unknown;
  limit: number;
  offset: number;
}

/* Versions that other saves wrote at the same moment are removed by the next save only: until then they are not shown. */
const historyStatement = (order: Order): Statement => ({
  name: `memory_versions_list_${order}`,
  text: `
    SELECT v.* FROM memories m LEFT JOIN LATERAL (
      SELECT v.version, v.value, v.saved_by, v.saved_at FROM memory_versions v
      WHERE v.org_id = m.org_id AND v.user_id = m.user_id AND v.session_scope = m.session_scope AND v.key = m.key
        AND v.version < m.version AND v.version >= m.version - $8::int
        AND ($5::bigint IS NULL OR v.version ${order === 'asc' ? '>' : '<'} $5)
      ORDER BY v.version ${order} LIMIT $6 OFFSET $7
    ) v ON true
    WHERE ${inScope('m')} AND m.key = $4
    ORDER BY v.version ${order}`,
});

const HISTORIES: Record<Order, Statement> = { asc: historyStatement('asc'), desc: historyStatement('desc') };

@Injectable()
export class MemoryListRepository {
  /** One page, in the order of the keys. Each scope is read in index order, as far as the page goes. */
  list(tx: TenantTx, scope: MemoryScope, filter: MemoryFilter, slice: MemorySlice): Promise<Memory[]> {
    const where = conditions(scope, filter).add(`m.key ${slice.order === 'asc' ? '>' : '<'} ?`, slice.after);
    const limit = where.parameter(slice.limit);
    const offset = where.parameter(slice.offset);
    const parts = scopesOf(scope, filter).map(
      (inOne) => `
        (SELECT m.* FROM memories m WHERE ${inOne} AND ${where}
        ORDER BY m.key ${slice.order} LIMIT ${limit}::bigint + ${offset}::bigint)`,
    );
    const text = `
      SELECT DISTINCT ON (m.key) m.* FROM (${parts.join(' UNION ALL ')}) m
      ORDER BY m.key ${slice.order}, m.session_scope DESC LIMIT ${limit} OFFSET ${offset}`;
    return tx.query<Memory>(text, where.values);
  }

  async total(tx: TenantTx, scope: MemoryScope, filter: MemoryFilter): Promise<number> {
    const where = conditions(scope, filter);
    const parts = scopesOf(scope, filter).map((inOne) => `SELECT m.key FROM memories m WHERE ${inOne} AND ${where}`);
    // UNION counts a key of both scopes once.
    const text = `SELECT count(*) AS total FROM (${parts.join(' UNION ')}) m`;
    return (await tx.query<{ total: number }>(text, where.values))[0].total;
  }

  /** The last `kept` earlier values of a key, newest first unless `asc`; `undefined` when there is no such key. */
  async history(
    tx: TenantTx,
    scope: MemoryScope,
    key: string,
    { order, after, limit, offset }: MemorySlice,
    kept: number,
  ): Promise<MemoryVersion[] | undefined> {
    const values = [...scopeValues(scope), key, after, limit, offset, kept];
    const rows = await tx.query<MemoryVersion>(HISTORIES[order], values);
    return rows.length === 0 ? undefined : rows.filter(({ version }) => version !== null);
  }
}

/** The parts of a list: the scope, and beside a session the user's own. */
const scopesOf = ({ sessionId }: MemoryScope, { includeUser }: MemoryFilter) => {
  const both = includeUser && sessionId !== undefined;
  return [
    inScope('m'),
    ...(both ? [`m.org_id = $1 AND m.user_id = $2 AND m.session_scope = '' AND ${unexpired('m')}`] : []),
  ];
};

const conditions = (scope: MemoryScope, { key, prefix, updatedFrom, updatedTo }: MemoryFilter) =>
  new Conditions('true', scopeValues(scope))
    .add('m.key = ?', key)
    .add('m.key >= ?', prefix)
    .add('m.key < ?', prefix === undefined ? undefined : endOfPrefix(prefix))
    .add('m.updated_at >= ?', updatedFrom)
    .add('m.updated_at < ?', updatedTo);
