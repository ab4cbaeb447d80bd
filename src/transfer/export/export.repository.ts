import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { Conditions } from '../../database/door/conditions';
import type { TenantTx } from '../../database/door/tenant-database';
import { present, principalValues, visibleThread } from '../../threads/thread-access';
import type { MessageRow } from '../../messages/message.entity';
import type { Session } from '../../sessions/session.entity';
import type { SummaryRow } from '../../summaries/summary.entity';
import type { Thread } from '../../threads/thread.entity';

type Times = { created_at: string; updated_at: string };
type OfThread = 'id' | 'user_id' | 'name' | 'status' | 'metadata' | 'auto_summarize' | 'last_seq';
type OfSession = 'notebook_id' | 'prompt_name' | 'system_prompt' | 'max_tokens' | 'variables';

/** A thread with what its session has, if the caller may see that; times are ISO texts. */
export type ExportedThread = Pick<Thread, OfThread> &
  Times &
  Pick<Session, OfSession> & { session_id: string | null; session_created_at: string | null; has_summaries: boolean };

export type ExportedMessage = Omit<MessageRow, 'id' | 'thread_id'>;

export type ExportedSummary = Omit<SummaryRow, 'thread_id'> & { automatic: boolean };

/** Which threads. Who may see them is decided before: `userId` is absent only for admins. */
export interface ExportFilter {
  orgId: string;
  userId?: string;
  /** Only those under which a session is active. */
  sessionsOnly: boolean;
}

const MESSAGES = 500;
/** Stored bytes of one page, which are compressed: some times as many in memory. One message may have more. */
const PAGE_BYTES = 512 * 1024;
const SUMMARIES = 50;

/** Reads page by page, so that a conversation of any length takes the memory of a page. */
@Injectable()
export class ExportRepository {
  /** The next ids, in their order, which is that of creation. */
  async threadIds(tx: TenantTx, filter: ExportFilter, after: string | undefined, limit: number): Promise<string[]> {
    const where = conditions(filter).add('t.id > :after::uuid', { after });
    const text = `SELECT t.id FROM threads t WHERE ${where} ORDER BY t.id LIMIT :limit`;
    const rows = await tx.query<{ id: string }>(text, { ...where.values, limit });
    return rows.map(({ id }) => id);
  }

  /** How many there are, to tell how far an export has come. */
  async count(tx: TenantTx, filter: ExportFilter): Promise<number> {
    const where = conditions(filter);
    const rows = await tx.query<{ total: number }>(
      `SELECT count(*) AS total FROM threads t WHERE ${where}`,
      where.values,
    );
    return rows[0].total;
  }

  /** @returns `undefined` when the thread is not in sight */
  async find(tx: TenantTx, principal: Principal, threadId: string): Promise<ExportedThread | undefined> {
    const text = `
      SELECT t.id, t.user_id, t.name, t.status, t.metadata, t.auto_summarize, t.last_seq, t.created_at, t.updated_at,
        s.id AS session_id, s.notebook_id, s.prompt_name, s.system_prompt, s.max_tokens, s.variables,
        s.created_at AS session_created_at,
        EXISTS (SELECT FROM summaries u WHERE u.org_id = t.org_id AND u.thread_id = t.id) AS has_summaries
      FROM threads t LEFT JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id AND (s.user_id = $2 OR $3::boolean)
      WHERE ${visibleThread('t', 1)} AND t.id = $4`;
    const values = [...principalValues(principal), threadId];
    return (await tx.query<ExportedThread>({ name: 'export_find', text, isoTimes: true }, values))[0];
  }

  /** The messages after a number: some hundreds, or fewer large ones, but one at least. */
  messages(tx: TenantTx, orgId: string, threadId: string, afterSeq: number): Promise<ExportedMessage[]> {
    const text = `
      SELECT m.seq, m.role, m.content IS NOT NULL AS has_content, m.content, m.tool_calls, m.tool_call_id, m.name,
        m.sender_id, m.metadata, m.token_count, m.cost, m.client_timestamp, m.created_at, m.updated_at
      FROM (
        SELECT p.*, sum(p.size) OVER (ORDER BY p.seq) - p.size AS before FROM (
          SELECT m.*, pg_column_size(m.metadata) + coalesce(pg_column_size(m.content), 0)
            + coalesce(pg_column_size(m.tool_calls), 0) AS size
          FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq > $3 ORDER BY m.seq LIMIT ${MESSAGES}
        ) p
      ) m WHERE m.before < ${PAGE_BYTES} ORDER BY m.seq`;
    return tx.query<ExportedMessage>({ name: 'export_messages', text, isoTimes: true }, [orgId, threadId, afterSeq]);
  }

  /** The summaries after one of them, in the order of their ranges. */
  summaries(tx: TenantTx, orgId: string, threadId: string, after?: ExportedSummary): Promise<ExportedSummary[]> {
    const text = `
      SELECT s.id, s.from_seq, s.to_seq, s.content, s.token_count, s.created_by, s.automatic, s.created_at
      FROM summaries s WHERE s.org_id = $1 AND s.thread_id = $2
        AND ($3::bigint IS NULL OR (s.from_seq, s.id) > ($3::bigint, $4::uuid))
      ORDER BY s.from_seq, s.id LIMIT ${SUMMARIES}`;
    const values = [orgId, threadId, after?.from_seq, after?.id];
    return tx.query<ExportedSummary>({ name: 'export_summaries', text, isoTimes: true }, values);
  }
}

function conditions({ orgId, userId, sessionsOnly }: ExportFilter): Conditions {
  const where = new Conditions(`t.org_id = :orgId AND ${present('t')}`, { orgId }).add('t.user_id = :userId', {
    userId,
  });
  return sessionsOnly ? where.add('t.session_id IS NOT NULL') : where;
}
