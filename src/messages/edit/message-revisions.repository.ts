import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { Order } from '../../http/request/paging';
import type { TenantTx } from '../../database/door/tenant-database';
import { principalValues, visibleThread } from '../../threads/thread-access';
import type { MessageRevision } from './message-revision.entity';

type Times = 'written_at' | 'replaced_at';
type Shown = 'revision' | 'content' | 'metadata' | 'token_count' | 'cost' | 'replaced_by';

/** A revision as it is read; times are ISO texts. */
export type RevisionRow = Pick<MessageRevision, Shown> & Record<Times, string> & { has_content: boolean };

export interface RevisionSlice {
  /** Number of the revision before the page. */
  after?: number;
  order: Order;
  limit: number;
  offset: number;
}

/* A message that is in the trash may have had the same id: what was replaced before this one was stored is of that one. */
const listStatement = (order: Order, isAfter: string) => ({
  name: `messages_revisions_${order}`,
  isoTimes: true,
  text: `
    SELECT v.* FROM messages m JOIN threads t ON t.org_id = m.org_id AND t.id = m.thread_id AND ${visibleThread('t', 1, 'write')}
    LEFT JOIN LATERAL (
      SELECT v.revision, v.content IS NOT NULL AS has_content, v.content, v.metadata, v.token_count, v.cost, v.written_at,
        v.replaced_at, v.replaced_by
      FROM message_revisions v WHERE v.org_id = $1 AND v.thread_id = m.thread_id AND v.message_id = m.id
        AND v.replaced_at > m.created_at AND ($5::bigint IS NULL OR v.revision ${isAfter} $5::bigint)
      ORDER BY v.revision ${order} LIMIT $6 OFFSET $7
    ) v ON true
    WHERE m.org_id = $1 AND m.id = $4 ORDER BY v.revision ${order}`,
});

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

@Injectable()
export class MessageRevisionsRepository {
  /** @returns `undefined` when the caller may not write to the message */
  async list(tx: TenantTx, principal: Principal, id: string, slice: RevisionSlice): Promise<RevisionRow[] | undefined> {
    const { after, order, limit, offset } = slice;
    const rows = await tx.query<RevisionRow>(LISTS[order], [...principalValues(principal), id, after, limit, offset]);
    return rows.length === 0 ? undefined : rows.filter(({ revision }) => revision !== null);
  }
}
