import { Injectable } from '@nestjs/common';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { Thread } from '../../threads';
import type { ImportedSession, ImportedSummary, ImportedThread } from './conversation';

type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

const INSERT_THREAD = sql<'orgId' | 'id' | 'userId' | 'thread'>('import_insert_thread')`
  INSERT INTO threads (org_id, id, user_id, name, metadata, status, auto_summarize, last_seq, created_at, updated_at)
  SELECT :orgId, :id, :userId, t.name, t.metadata, t.status, nullif(t.auto_summarize, 'null'), t.last_seq, t.created_at, t.updated_at
  FROM jsonb_to_record(:thread::jsonb) AS t(name text, metadata jsonb, status text, auto_summarize jsonb, last_seq bigint,
    created_at timestamptz, updated_at timestamptz)`;

type MoveNames = 'orgId' | 'fromId' | 'id';

const SETTLE_SESSION = sql<MoveNames>('import_settle_session')`
  UPDATE threads t SET session_id = o.session_id, lifetime_ms = o.lifetime_ms, expires_at = o.expires_at
  FROM threads o WHERE o.org_id = :orgId AND o.id = :fromId AND t.org_id = :orgId AND t.id = :id`;

const MOVE_SESSION = sql<MoveNames | 'session'>('import_move_session')`
  WITH moved_shares AS (UPDATE shares SET thread_id = :id WHERE org_id = :orgId AND thread_id = :fromId),
    moved_current AS (UPDATE current_threads SET thread_id = :id WHERE org_id = :orgId AND thread_id = :fromId)
  UPDATE sessions s SET thread_id = :id, notebook_id = i.notebook_id, prompt_name = i.prompt_name,
    system_prompt = i.system_prompt, max_tokens = i.max_tokens, variables = coalesce(i.variables, '{}'),
    created_at = i.created_at, saved_version = NULL, turn_id = NULL, turn_expires_at = NULL
  FROM json_to_record(:session::json) AS i(notebook_id text, prompt_name text, system_prompt text, max_tokens int,
    variables json, created_at timestamptz)
  WHERE s.org_id = :orgId AND s.thread_id = :fromId`;

const INSERT_SUMMARIES = sql<'orgId' | 'threadId' | 'summaries'>('import_insert_summaries')`
  INSERT INTO summaries (org_id, thread_id, id, from_seq, to_seq, content, token_count, created_by, automatic, created_at)
  SELECT :orgId, :threadId, s.id, s.from_seq, s.to_seq, s.content, s.token_count, s.created_by, s.automatic, s.created_at
  FROM jsonb_to_recordset(:summaries::jsonb) AS s(id uuid, from_seq bigint, to_seq bigint, content text, token_count int,
    created_by text, automatic boolean, created_at timestamptz)`;

@Injectable()
export class ImportRepository {
  /** A thread without messages, with the times that it had. */
  async insertThread(tx: TenantTx, key: ThreadKey, userId: string, thread: ImportedThread): Promise<void> {
    await tx.execute(INSERT_THREAD, { orgId: key.org_id, id: key.id, userId, thread: JSON.stringify(thread) });
  }

  /**
   * Lays the held session onto another thread, with what is imported of it. The thread that it had is gone with its
   * messages; the session's memories, whom it is shared with and for whom it is current stay.
   */
  async moveSession(tx: TenantTx, from: Thread, id: string, session: ImportedSession): Promise<void> {
    const move = { orgId: from.org_id, fromId: from.id, id };
    await tx.execute(SETTLE_SESSION, move);
    await tx.execute(MOVE_SESSION, { ...move, session: JSON.stringify(session) });
    await tx.repo(Thread).delete({ org_id: from.org_id, id: from.id });
  }

  async insertSummaries(tx: TenantTx, key: ThreadKey, summaries: (ImportedSummary & { id: string })[]): Promise<void> {
    const values = { orgId: key.org_id, threadId: key.id, summaries: JSON.stringify(summaries) };
    await tx.execute(INSERT_SUMMARIES, values);
  }

  /** Runs work that can be undone without the rest of the transaction. @throws what `work` threw, after undoing it */
  async undoable<T>(tx: TenantTx, work: () => Promise<T>): Promise<T> {
    await tx.execute('SAVEPOINT conversation');
    try {
      const result = await work();
      await tx.execute('RELEASE SAVEPOINT conversation');
      return result;
    } catch (error) {
      await tx.execute('ROLLBACK TO SAVEPOINT conversation');
      throw error;
    }
  }
}
