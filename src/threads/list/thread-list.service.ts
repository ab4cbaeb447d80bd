import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { isObject } from '../../http/request/fields';
import { isUuid } from '../../common/ids';
import { assertStorable } from '../../common/json';
import { timeRange } from '../../http/request/limits';
import { DEFAULT_LIMIT, isIsoTime, positionOf, rowsFor, toPage } from '../../http/request/paging';
import { TenantDatabase } from '../../database/door/tenant-database';
import { ownerOf } from '../target';
import { type ListThreadsQuery, THREAD_STATUSES, type ThreadList, type ThreadView, toThreadView } from '../threads.dto';
import { type ListedThread, type ThreadFilter, ThreadListRepository, type ThreadSlice } from './thread-list.repository';

/** Lists threads: a user's own, those that are shared with the user, or for an admin the organization's. */
@Injectable()
export class ThreadListService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadListRepository,
  ) {}

  /** @throws OTHER_USER, OTHER_ORGANIZATION, INVALID_CURSOR, INVALID_RANGE, BAD_REQUEST */
  async list(principal: Principal, query: ListThreadsQuery): Promise<ThreadList> {
    const filter = toFilter(principal, query);
    const slice = toSlice(query);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const position = (thread: ListedThread) =>
      slice.sort === 'created_at' ? [thread.id] : [thread.updated_at.toISOString(), thread.id];
    const [rows, total] = await this.db.read(
      principal,
      async (tx) =>
        [
          await this.threads.list(tx, filter, { ...slice, limit: rowsFor(limit) }),
          query.include_total === 'true' ? await this.threads.total(tx, filter) : undefined,
        ] as const,
    );
    return { ...toPage(rows, limit, toListedView, position), ...(total === undefined ? {} : { total }) };
  }
}

/** Of a shared thread, what the caller may do with it stands in the view. */
const toListedView = (thread: ListedThread): ThreadView => {
  const { permission, share_id } = thread;
  return { ...toThreadView(thread), ...(share_id === undefined ? {} : { permission, share_id }) };
};

function toFilter(principal: Principal, query: ListThreadsQuery): ThreadFilter {
  const owner = ownerOf(principal, query);
  const shared = query.shared === 'true';
  if (shared && query.user_id !== undefined) throw commonErrors.BAD_REQUEST('shared goes without user_id.');
  const everyone = shared || (principal.seesOrganization && query.user_id === undefined);
  const created = timeRange('created_from', query.created_from, query.created_to);
  const updated = timeRange('updated_from', query.updated_from, query.updated_to);
  const status = query.status ?? 'active';
  return {
    orgId: principal.orgId,
    userId: everyone ? undefined : owner,
    sharedWith: shared ? principal.userId : undefined,
    statuses: status === 'all' ? THREAD_STATUSES : [status],
    name: checkText('name', query.name),
    metadata: toContainment(query.metadata),
    createdFrom: created.from,
    createdTo: created.to,
    updatedFrom: updated.from,
    updatedTo: updated.to,
  };
}

function toSlice(query: ListThreadsQuery): Omit<ThreadSlice, 'limit'> {
  const sort = query.sort_by ?? 'updated_at';
  const checks = sort === 'created_at' ? [isUuid] : [isIsoTime, isUuid];
  return { sort, order: query.order ?? 'desc', after: positionOf(query, checks), offset: query.offset ?? 0 };
}

/** A JSON object in a query, as the text that `@>` takes. @throws BAD_REQUEST, INVALID_TEXT */
export function toContainment(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const value = parseObject(text);
  assertStorable(value, 16, 'metadata');
  return JSON.stringify(value);
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // The message below says what is due.
  }
  throw commonErrors.BAD_REQUEST('metadata must be a JSON object, such as {"project":"travel"}.');
}

function checkText(name: string, text: string | undefined): string | undefined {
  assertStorable(text, 1, name);
  return text;
}
