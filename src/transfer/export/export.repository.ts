import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { Conditions } from '../../database/door/conditions';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { present, type PrincipalNames, Thread, visible } from '../../threads';
import type { MessageRow } from '../../messages';
import type { Session } from '../../sessions';
import type { SummaryRow } from '../../summaries';

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

const FIND = sql<PrincipalNames | 'threadId', ExportedThread>('export_find', { isoTimes: true })`
  SELECT t.id, t.user_id, t.name, t.status, t.metadata, t.auto_summarize, t.last_seq, t.created_at, t.updated_at,
    s.id AS session_id, s.notebook_id, s.prompt_name, s.system_prompt, s.max_tokens, s.variables,
    s.created_at AS session_created_at,
    EXISTS (SELECT FROM summaries u WHERE u.org_id = t.org_id AND u.thread_id = t.id) AS has_summaries
  FROM threads t LEFT JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id
    AND (s.user_id = :userId OR :seesOrganization::boolean)
  WHERE ${visible('t')} AND t.id = :threadId`;

const READ_MESSAGES = sql<'orgId' | 'threadId' | 'afterSeq', ExportedMessage>('export_messages', { isoTimes: true })`
  SELECT m.seq, m.role, m.content IS NOT NULL AS has_content, m.content, m.tool_calls, m.tool_call_id, m.name,
    m.sender_id, m.metadata, m.token_count, m.cost, m.client_timestamp, m.created_at, m.updated_at
  FROM (
    SELECT p.*, sum(p.size) OVER (ORDER BY p.seq) - p.size AS before FROM (
      SELECT m.*, pg_column_size(m.metadata) + coalesce(pg_column_size(m.content), 0)
        + coalesce(pg_column_size(m.tool_calls), 0) AS size
      FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId AND m.seq > :afterSeq
      ORDER BY m.seq LIMIT ${String(MESSAGES)}
    ) p
  ) m WHERE m.before < ${String(PAGE_BYTES)} ORDER BY m.seq`;

type SummaryNames = 'orgId' | 'threadId' | 'afterSeq' | 'afterId';

const READ_SUMMARIES = sql<SummaryNames, ExportedSummary>('export_summaries', { isoTimes: true })`
  SELECT s.id, s.from_seq, s.to_seq, s.content, s.token_count, s.created_by, s.automatic, s.created_at
  FROM summaries s WHERE s.org_id = :orgId AND s.thread_id = :threadId
    AND (:afterSeq::bigint IS NULL OR (s.from_seq, s.id) > (:afterSeq::bigint, :afterId::uuid))
  ORDER BY s.from_seq, s.id LIMIT ${String(SUMMARIES)}`;

/** Reads page by page, so that a conversation of any length takes the memory of a page. */
@Injectable()
export class ExportRepository {
  /** The next ids, in their order, which is that of creation. */
  async threadIds(tx: TenantTx, filter: ExportFilter, after: string | undefined, limit: number): Promise<string[]> {
    const where = conditions(filter).add('t.id > :after::uuid', { after });
    const threads = tx.repo(Thread).createQueryBuilder('t').where(where.toString(), where.values);
    const rows = await threads.select('t.id', 'id').orderBy('t.id').limit(limit).getRawMany<{ id: string }>();
    return rows.map(({ id }) => id);
  }

  /** How many there are, to tell how far an export has come. */
  count(tx: TenantTx, filter: ExportFilter): Promise<number> {
    const where = conditions(filter);
    return tx.repo(Thread).createQueryBuilder('t').where(where.toString(), where.values).getCount();
  }

  /** @returns `undefined` when the thread is not in sight */
  async find(tx: TenantTx, principal: Principal, threadId: string): Promise<ExportedThread | undefined> {
    return (await tx.query(FIND, { ...principal, threadId }))[0];
  }

  /** The messages after a number: some hundreds, or fewer large ones, but one at least. */
  messages(tx: TenantTx, orgId: string, threadId: string, afterSeq: number): Promise<ExportedMessage[]> {
    return tx.query(READ_MESSAGES, { orgId, threadId, afterSeq });
  }

  /** The summaries after one of them, in the order of their ranges. */
  summaries(tx: TenantTx, orgId: string, threadId: string, after?: ExportedSummary): Promise<ExportedSummary[]> {
    return tx.query(READ_SUMMARIES, { orgId, threadId, afterSeq: after?.from_seq, afterId: after?.id });
  }
}

function conditions({ orgId, userId, sessionsOnly }: ExportFilter): Conditions {
  const where = new Conditions(`t.org_id = :orgId AND ${present('t')}`, { orgId }).add('t.user_id = :userId', {
    userId,
  });
  return sessionsOnly ? where.add('t.session_id IS NOT NULL') : where;
}
