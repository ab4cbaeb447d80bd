import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { isUuid } from '../common/ids';
import { assertStorable } from '../common/json';
import { DEFAULT_LIMIT, isIsoTime, positionOf, rowsFor, toPage } from '../common/paging';
import { TenantDatabase } from '../database/tenant-database';
import { ownerOf } from '../threads/threads.service';
import { SessionListRepository } from './session-list.repository';
import type { ListSessionsQuery, SessionList } from './sessions.dto';
import type { SessionRow } from './sessions.repository';
import { SessionsService } from './sessions.service';

/** Lists sessions: a user's own, or for an admin the organization's. Listing keeps nothing alive (P32). */
@Injectable()
export class SessionListService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: SessionListRepository,
    private readonly sessions: SessionsService,
  ) {}

  /** @throws OTHER_USER, INVALID_CURSOR, BAD_REQUEST */
  async list(principal: Principal, query: ListSessionsQuery): Promise<SessionList> {
    assertStorable(query.prefix, 1, 'prefix');
    const owner = ownerOf(principal, query);
    const everyone = principal.seesOrganization && query.user_id === undefined;
    const filter = { orgId: principal.orgId, userId: everyone ? undefined : owner, prefix: query.prefix };
    const sort = query.sort_by ?? 'updated_at';
    const after = positionOf(query, sort === 'created_at' ? [isUuid] : [isIsoTime, isUuid]);
    const { limit = DEFAULT_LIMIT, offset = 0 } = query;
    const slice = { sort, order: query.order ?? query.sort_order ?? 'desc', after, limit: rowsFor(limit), offset };
    const position = (row: SessionRow) =>
      sort === 'created_at' ? [row.thread_id] : [row.updated_at.toISOString(), row.thread_id];
    return this.db.read(principal, async (tx) => {
      const page = toPage(await this.rows.list(tx, filter, slice), limit, (row) => this.sessions.toView(row), position);
      return query.include_total === 'true' ? { ...page, total: await this.rows.total(tx, filter) } : page;
    });
  }
}
