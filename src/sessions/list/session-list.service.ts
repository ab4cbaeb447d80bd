import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { isUuid } from '../../common/ids';
import { assertStorable } from '../../common/json';
import { DEFAULT_LIMIT, isIsoTime, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { TenantDatabase } from '../../database/door/tenant-database';
import { ownerOf } from '../../threads';
import { type ListedSession, type SessionFilter, SessionListRepository } from './session-list.repository';
import { toReaderView } from '../session-views';
import type { ListSessionsQuery, SessionList, SessionView } from '../sessions.dto';
import { SessionsService } from '../sessions.service';

/** Lists sessions: a user's own, those that are shared with the user, or for an admin the organization's. Listing keeps nothing alive (P32). */
@Injectable()
export class SessionListService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly rows: SessionListRepository,
    private readonly sessions: SessionsService,
  ) {}

  /** @throws OTHER_USER, INVALID_CURSOR, BAD_REQUEST */
  async list(principal: Principal, query: ListSessionsQuery): Promise<SessionList> {
    const filter = toFilter(principal, query);
    const sort = query.sort_by ?? 'updated_at';
    const after = positionOf(query, sort === 'created_at' ? [isUuid] : [isIsoTime, isUuid]);
    const { limit = DEFAULT_LIMIT, offset = 0 } = query;
    const slice = { sort, order: query.order ?? query.sort_order ?? 'desc', after, limit: rowsFor(limit), offset };
    const position = (row: ListedSession) =>
      sort === 'created_at' ? [row.thread_id] : [row.updated_at.toISOString(), row.thread_id];
    return this.db.read(principal, async (tx) => {
      const page = toPage(await this.rows.list(tx, filter, slice), limit, (row) => this.toView(row), position);
      return query.include_total === 'true' ? { ...page, total: await this.rows.total(tx, filter) } : page;
    });
  }

  private toView(row: ListedSession): SessionView {
    const view = this.sessions.toView(row);
    const { permission, share_id } = row;
    return share_id === undefined ? view : { ...toReaderView(view), permission, share_id };
  }
}

/** @throws OTHER_USER, BAD_REQUEST */
function toFilter(principal: Principal, query: ListSessionsQuery): SessionFilter {
  const { prefix, shared, active, state = 'active', ...named } = query;
  if (active === 'true' && state !== 'active')
    throw commonErrors.BAD_REQUEST('active=true goes with state=active only.');
  assertStorable(prefix, 1, 'prefix');
  const { orgId, userId, seesOrganization } = principal;
  if (shared !== 'true') {
    const owner = ownerOf(principal, named);
    return { orgId, userId: seesOrganization && named.user_id === undefined ? undefined : owner, prefix, state };
  }
  if (named.user_id !== undefined) throw commonErrors.BAD_REQUEST('shared goes without user_id.');
  return { orgId, sharedWith: userId, prefix, state };
}
