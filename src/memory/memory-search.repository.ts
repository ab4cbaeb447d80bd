import { Injectable } from '@nestjs/common';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import type { Memory } from './memory.entity';
import { type MemoryScope, readable } from './memory.repository';

export interface FoundMemory extends Memory {
  score: number;
}

/* The function finds the matches by index; the join shows those only that the tenant may read. */
const SEARCH = sql<'orgId' | 'userId' | 'scopes' | 'query' | 'limit', FoundMemory>('memories_search')`
  SELECT m.*, f.score FROM throughline_search_memories(:orgId, :userId, :scopes, :query, :limit) f
  JOIN memories m ON m.org_id = :orgId AND m.user_id = :userId AND m.session_scope = f.session_scope AND m.key = f.key
  WHERE ${readable('m')}
  ORDER BY f.score DESC, m.key`;

@Injectable()
export class MemorySearchRepository {
  /** The best matches first. */
  search(tx: TenantTx, scope: MemoryScope, scopes: string[], query: string, limit: number): Promise<FoundMemory[]> {
    return tx.query(SEARCH, { orgId: scope.orgId, userId: scope.userId, scopes, query, limit });
  }
}
