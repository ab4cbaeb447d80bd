import { Injectable } from '@nestjs/common';
import { LessThanOrEqual, MoreThanOrEqual } from 'typeorm';
import type { Principal } from '../organizations';
import type { Order } from '../http/request/paging';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { type PrincipalNames, sqlForTarget, type Target, visible } from '../threads';
import type { ThreadKey } from '../messages';
import { Summary, type SummaryRow } from './summary.entity';

export type NewSummary = Omit<SummaryRow, 'thread_id' | 'created_at'> & { automatic?: boolean };

interface SummarySlice {
  /** Range and id of the one before the page. */
  after?: { from_seq: number; id: string };
  order: Order;
  limit: number;
  offset: number;
}

const COLUMNS = `s.thread_id, s.id, s.from_seq, s.to_seq, s.content, s.token_count, s.created_by, s.created_at`;

type ListNames = 'afterSeq' | 'afterId' | 'limit' | 'offset';

const listStatement = (order: Order, isAfter: string) =>
  sqlForTarget<ListNames, SummaryRow>(`summaries_list_${order}`, 'read', { isoTimes: true })(
    (isTarget) => `
      SELECT s.* FROM threads t LEFT JOIN LATERAL (
        SELECT ${COLUMNS} FROM summaries s
        WHERE s.org_id = :orgId AND s.thread_id = t.id
          AND (:afterSeq::bigint IS NULL OR (s.from_seq, s.id) ${isAfter} (:afterSeq::bigint, :afterId::uuid))
        ORDER BY s.from_seq ${order}, s.id ${order} LIMIT :limit OFFSET :offset
      ) s ON true
      WHERE ${isTarget} ORDER BY s.from_seq ${order}, s.id ${order}`,
  );

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

type NewestNames = PrincipalNames | 'threadId' | 'limit';

const LIST_NEWEST = sql<NewestNames, SummaryRow>('summaries_list_newest', { isoTimes: true })`
  SELECT ${COLUMNS} FROM summaries s
  JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id AND ${visible('t')}
  WHERE s.org_id = :orgId AND s.thread_id = :threadId ORDER BY s.from_seq DESC, s.id DESC LIMIT :limit`;

type InsertNames = 'orgId' | 'threadId' | Exclude<keyof NewSummary, 'thread_id'>;

const INSERT = sql<InsertNames, SummaryRow>('summaries_insert', { isoTimes: true })`
  INSERT INTO summaries AS s (org_id, thread_id, id, from_seq, to_seq, content, token_count, created_by, automatic, created_at)
  VALUES (:orgId, :threadId, :id, :from_seq, :to_seq, :content, :token_count, :created_by, :automatic, clock_timestamp())
  RETURNING ${COLUMNS}`;

@Injectable()
export class SummariesRepository {
  /** @returns `undefined` when the thread is not in sight */
  async list(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    slice: SummarySlice,
  ): Promise<SummaryRow[] | undefined> {
    const { after, order, limit, offset } = slice;
    const page = { afterSeq: after?.from_seq, afterId: after?.id, limit, offset };
    const rows = await tx.query(LISTS[order][target.by], { ...principal, target: target.id, ...page });
    return rows.length === 0 ? undefined : rows.filter((row) => row.id !== null);
  }

  /** The newest of a thread, by their ranges; none of one that is not in sight. */
  async listNewest(tx: TenantTx, principal: Principal, threadId: string, limit: number): Promise<SummaryRow[]> {
    return (await tx.query(LIST_NEWEST, { ...principal, threadId, limit })).reverse();
  }

  /** Number of the last message that a summary stands for; 0: there is none. */
  async covered(tx: TenantTx, { org_id, id }: ThreadKey): Promise<number> {
    return (await tx.repo(Summary).maximum('to_seq', { org_id, thread_id: id })) ?? 0;
  }

  async insert(tx: TenantTx, thread: ThreadKey, { automatic = false, ...summary }: NewSummary): Promise<SummaryRow> {
    const values = { ...summary, orgId: thread.org_id, threadId: thread.id, automatic };
    return (await tx.query(INSERT, values))[0];
  }

  /** Removes those whose whole range lies in another one. */
  async deleteWithin(tx: TenantTx, { org_id, id }: ThreadKey, from: number, to: number): Promise<void> {
    const range = { from_seq: MoreThanOrEqual(from), to_seq: LessThanOrEqual(to) };
    await tx.repo(Summary).delete({ org_id, thread_id: id, ...range });
  }
}
