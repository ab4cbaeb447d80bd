import { Injectable } from '@nestjs/common';
import type { Order } from '../http/request/paging';
import { Conditions } from '../database/door/conditions';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { unexpired } from '../threads';
import type { MemoryVersion } from './memory-version.entity';
import {
  inScope,
  MEMORY_COLUMNS,
  type MemoryRow,
  type MemoryScope,
  readable,
  type ScopeNames,
  scopeValues,
} from './memory.repository';
import { endOfPrefix } from '../database/door/conditions';

export interface MemoryFilter {
  /** With a session and the user's entries too, a session's entry hides the user's of the same key. */
  includeUser: boolean;
  key?: string;
  prefix?: string;
  updatedFrom?: Date;
  updatedTo?: Date;
}

interface MemorySlice {
  order: Order;
  /** Key, or for a history version, of the last item of the page before. */
  after?: unknown;
  limit: number;
  offset: number;
}

type HistoryNames = ScopeNames | 'key' | 'after' | 'limit' | 'offset' | 'kept';

/* Versions that other saves wrote at the same moment are removed by the next save only: until then they are not shown. */
const historyStatement = (order: Order) => sql<HistoryNames, MemoryVersion>(`memory_versions_list_${order}`)`
  SELECT v.version, v.value, v.saved_by, v.saved_at FROM memories m LEFT JOIN LATERAL (
    SELECT v.version, v.value, v.saved_by, v.saved_at FROM memory_versions v
    WHERE v.org_id = m.org_id AND v.user_id = m.user_id AND v.session_scope = m.session_scope AND v.key = m.key
      AND v.version < m.version AND v.version >= m.version - :kept::int
      AND (:after::bigint IS NULL OR v.version ${order === 'asc' ? '>' : '<'} :after)
    ORDER BY v.version ${order} LIMIT :limit OFFSET :offset
  ) v ON true
  WHERE ${inScope('m')} AND m.key = :key
  ORDER BY v.version ${order}`;

const HISTORIES = { asc: historyStatement('asc'), desc: historyStatement('desc') };

interface FoundMemory extends MemoryRow {
  score: number;
}

/* The function finds the matches by index; the join shows those only that the tenant may read. */
const SEARCH = sql<'orgId' | 'userId' | 'scopes' | 'query' | 'limit', FoundMemory>('memories_search')`
  SELECT ${MEMORY_COLUMNS}, f.score FROM throughline_search_memories(:orgId, :userId, :scopes, :query, :limit) f
  JOIN memories m ON m.org_id = :orgId AND m.user_id = :userId AND m.session_scope = f.session_scope AND m.key = f.key
  WHERE ${readable('m')}
  ORDER BY f.score DESC, m.key`;

@Injectable()
export class MemoryListRepository {
  /** One page, in the order of the keys. Each scope is read in index order, as far as the page goes. */
  list(tx: TenantTx, scope: MemoryScope, filter: MemoryFilter, slice: MemorySlice): Promise<MemoryRow[]> {
    const where = conditions(scope, filter).add(`m.key ${slice.order === 'asc' ? '>' : '<'} :after`, {
      after: slice.after,
    });
    const parts = scopesOf(scope, filter).map(
      (inOne) => `
        (SELECT m.session_scope, ${MEMORY_COLUMNS} FROM memories m WHERE ${inOne} AND ${where}
        ORDER BY m.key ${slice.order} LIMIT :limit::bigint + :offset::bigint)`,
    );
    const text = `
      SELECT DISTINCT ON (m.key) ${MEMORY_COLUMNS} FROM (${parts.join(' UNION ALL ')}) m
      ORDER BY m.key ${slice.order}, m.session_scope DESC LIMIT :limit OFFSET :offset`;
    return tx.query<MemoryRow>(text, { ...where.values, limit: slice.limit, offset: slice.offset });
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
    const rows = await tx.query(HISTORIES[order], { ...scopeValues(scope), key, after, limit, offset, kept });
    return rows.length === 0 ? undefined : rows.filter(({ version }) => version !== null);
  }

  /** The best matches first. */
  search(tx: TenantTx, scope: MemoryScope, scopes: string[], query: string, limit: number): Promise<FoundMemory[]> {
    return tx.query(SEARCH, { orgId: scope.orgId, userId: scope.userId, scopes, query, limit });
  }
}

/** The parts of a list: the scope, and beside a session the user's own. */
const scopesOf = ({ sessionId }: MemoryScope, { includeUser }: MemoryFilter) => {
  const both = includeUser && sessionId !== undefined;
  return [
    inScope('m'),
    ...(both ? [`m.org_id = :orgId AND m.user_id = :userId AND m.session_scope = '' AND ${unexpired('m')}`] : []),
  ];
};

const conditions = (scope: MemoryScope, { key, prefix, updatedFrom, updatedTo }: MemoryFilter) =>
  new Conditions('true', scopeValues(scope))
    .add('m.key = :key', { key })
    .add('m.key >= :prefix', { prefix })
    .add('m.key < :prefixEnd', { prefixEnd: prefix === undefined ? undefined : endOfPrefix(prefix) })
    .add('m.updated_at >= :updatedFrom', { updatedFrom })
    .add('m.updated_at < :updatedTo', { updatedTo });
