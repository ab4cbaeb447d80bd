import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { TenantDatabase } from '../database/door/tenant-database';
import { type FoundMemories, type SearchMemoriesQuery, toMemoryView } from './memory.dto';
import { MemorySearchRepository } from './memory-search.repository';

const DEFAULT_MATCHES = 10;

/** Finds memories by what they say. */
@Injectable()
export class MemorySearchService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: MemorySearchRepository,
  ) {}

  /**
   * The best matches in keys and values: words in any form (`running` finds `run`), and words that are spelled alike. In the
   * user's own memory, or in that of a session, or with `include_user` in both.
   */
  async search(principal: Principal, query: SearchMemoriesQuery): Promise<FoundMemories> {
    const { q, session_id: sessionId, include_user, limit = DEFAULT_MATCHES } = query;
    const scopes = sessionId === undefined ? [''] : include_user === 'true' ? ['', sessionId] : [sessionId];
    const { orgId, userId } = principal;
    const rows = await this.db.readOne(principal, (tx) => this.rows.search(tx, { orgId, userId }, scopes, q, limit));
    return { data: rows.map((row) => ({ ...toMemoryView(row), score: Math.round(row.score * 1000) / 1000 })) };
  }
}
