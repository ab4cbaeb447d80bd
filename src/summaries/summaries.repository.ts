import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { Order } from '../http/request/paging';
import type { TenantTx } from '../database/door/tenant-database';
import type { Target } from '../threads/target';
import { forTargets, principalValues, targetValues, visibleThread } from '../threads/thread-access';
import type { ThreadKey } from '../messages/read/messages.service';
import type { SummaryRow } from './summary.entity';

export type NewSummary = Omit<SummaryRow, 'thread_id' | 'created_at'> & { automatic?: boolean };

export interface SummarySlice {
  /** Range and id of the one before the page. */
  after?: { from_seq: number; id: string };
  order: Order;
  limit: number;
  offset: number;
}

const COLUMNS = `s.thread_id, s.id, s.from_seq, s.to_seq, s.content, s.token_count, s.created_by, s.created_at`;

const listStatement = (order: Order, isAfter: string) =>
  forTargets(
    { name: `summaries_list_${order}`, isoTimes: true },
    'read',
    (isTarget) => `
      SELECT s.* FROM threads t LEFT JOIN LATERAL (
        SELECT ${COLUMNS} FROM summaries s
        WHERE s.org_id = $1 AND s.thread_id = t.id
          AND ($5::bigint IS NULL OR (s.from_seq, s.id) ${isAfter} ($5::bigint, $6::uuid))
        ORDER BY s.from_seq ${order}, s.id ${order} LIMIT $7 OFFSET $8
      ) s ON true
      WHERE ${isTarget} ORDER BY s.from_seq ${order}, s.id ${order}`,
  );

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

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
    const values = [...targetValues(principal, target), after?.from_seq, after?.id, limit, offset];
    const rows = await tx.query<SummaryRow>(LISTS[order][target.by], values);
    return rows.length === 0 ? undefined : rows.filter((row) => row.id !== null);
  }

  /** The newest of a thread, by their ranges; none of one that is not in sight. */
  async listNewest(tx: TenantTx, principal: Principal, threadId: string, limit: number): Promise<SummaryRow[]> {
    const text = `
      SELECT ${COLUMNS} FROM summaries s
      JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id AND ${visibleThread('t', 1)}
      WHERE s.org_id = $1 AND s.thread_id = $4 ORDER BY s.from_seq DESC, s.id DESC LIMIT $5`;
    const values = [...principalValues(principal), threadId, limit];
    return (await tx.query<SummaryRow>({ name: 'summaries_list_newest', text, isoTimes: true }, values)).reverse();
  }

  /** Number of the last message that a summary stands for; 0: there is none. */
  async covered(tx: TenantTx, thread: ThreadKey): Promise<number> {
    const text = `SELECT coalesce(max(to_seq), 0) AS covered FROM summaries WHERE org_id = $1 AND thread_id = $2`;
    const rows = await tx.query<{ covered: number }>({ name: 'summaries_covered', text }, [thread.org_id, thread.id]);
    return rows[0].covered;
  }

  async insert(tx: TenantTx, thread: ThreadKey, summary: NewSummary): Promise<SummaryRow> {
    const text = `
      INSERT INTO summaries AS s (org_id, thread_id, id, from_seq, to_seq, content, token_count, created_by, automatic, created_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp()) RETURNING ${COLUMNS}`;
    const { id, from_seq, to_seq, content, token_count, created_by, automatic = false } = summary;
    const values = [thread.org_id, thread.id, id, from_seq, to_seq, content, token_count, created_by, automatic];
    return (await tx.query<SummaryRow>({ name: 'summaries_insert', text, isoTimes: true }, values))[0];
  }

  /** Removes those whose whole range lies in another one. */
  async deleteWithin(tx: TenantTx, thread: ThreadKey, from: number, to: number): Promise<void> {
    const text = `
      DELETE FROM summaries WHERE org_id = $1 AND thread_id = $2 AND from_seq >= $3 AND to_seq <= $4`;
    await tx.execute({ name: 'summaries_delete_within', text }, [thread.org_id, thread.id, from, to]);
  }
}
