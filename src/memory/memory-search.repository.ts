import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/door/tenant-database';
import type { Memory } from './memory.entity';
import { type MemoryScope, readable } from './memory.repository';

export interface FoundMemory extends Memory {
  score: number;
}

@Injectable()
export class MemorySearchRepository {
  /** The best matches first. The function finds them by index; the join shows those only that the tenant may read. */
  search(tx: TenantTx, scope: MemoryScope, scopes: string[], query: string, limit: number): Promise<FoundMemory[]> {
    const text = `
      SELECT m.*, f.score FROM throughline_search_memories($1, $2, $3, $4, $5) f
      JOIN memories m ON m.org_id = $1 AND m.user_id = $2 AND m.session_scope = f.session_scope AND m.key = f.key
      WHERE ${readable('m')}
      ORDER BY f.score DESC, m.key`;
    return tx.query<FoundMemory>({ name: 'memories_search', text }, [scope.orgId, scope.userId, scopes, query, limit]);
  }
}
