import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { ImportedSession, ImportedSummary, ImportedThread } from './conversation';

type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

@Injectable()
export class ImportRepository {
  /** A thread without messages, with the times that it had. */
  async insertThread(tx: TenantTx, key: ThreadKey, userId: string, thread: ImportedThread): Promise<void> {
    const text = `
      INSERT INTO threads (org_id, id, user_id, name, metadata, status, auto_summarize, last_seq, created_at, updated_at)
      SELECT $1, $2, $3, t.name, t.metadata, t.status, nullif(t.auto_summarize, 'null'), t.last_seq, t.created_at, t.updated_at
      FROM jsonb_to_record($4::jsonb) AS t(name text, metadata jsonb, status text, auto_summarize jsonb, last_seq bigint,
        created_at timestamptz, updated_at timestamptz)`;
    const values = [key.org_id, key.id, userId, JSON.stringify(thread)];
    await tx.execute({ name: 'import_insert_thread', text }, values);
  }

  /**
   * Lays the held session onto another thread, with what is imported of it. The thread that it had is gone with its
   * messages; the session's memories, whom it is shared with and for whom it is current stay.
   */
  async moveSession(tx: TenantTx, from: Thread, id: string, session: ImportedSession): Promise<void> {
    const key = [from.org_id, from.id, id];
    const settle = `
      UPDATE threads t SET session_id = o.session_id, lifetime_ms = o.lifetime_ms, expires_at = o.expires_at
      FROM threads o WHERE o.org_id = $1 AND o.id = $2 AND t.org_id = $1 AND t.id = $3`;
    await tx.execute({ name: 'import_settle_session', text: settle }, key);
    const move = `
      WITH moved_shares AS (UPDATE shares SET thread_id = $3 WHERE org_id = $1 AND thread_id = $2),
        moved_current AS (UPDATE current_threads SET thread_id = $3 WHERE org_id = $1 AND thread_id = $2)
      UPDATE sessions s SET thread_id = $3, notebook_id = i.notebook_id, prompt_name = i.prompt_name,
        system_prompt = i.system_prompt, max_tokens = i.max_tokens, variables = coalesce(i.variables, '{}'),
        created_at = i.created_at, saved_version = NULL, turn_id = NULL, turn_expires_at = NULL
      FROM json_to_record($4::json) AS i(notebook_id text, prompt_name text, system_prompt text, max_tokens int,
        variables json, created_at timestamptz)
      WHERE s.org_id = $1 AND s.thread_id = $2`;
    await tx.execute({ name: 'import_move_session', text: move }, [...key, JSON.stringify(session)]);
    const remove = `DELETE FROM threads WHERE org_id = $1 AND id = $2`;
    await tx.execute({ name: 'import_remove_thread', text: remove }, [from.org_id, from.id]);
  }

  async insertSummaries(tx: TenantTx, key: ThreadKey, summaries: (ImportedSummary & { id: string })[]): Promise<void> {
    const text = `
      INSERT INTO summaries (org_id, thread_id, id, from_seq, to_seq, content, token_count, created_by, automatic, created_at)
      SELECT $1, $2, s.id, s.from_seq, s.to_seq, s.content, s.token_count, s.created_by, s.automatic, s.created_at
      FROM jsonb_to_recordset($3::jsonb) AS s(id uuid, from_seq bigint, to_seq bigint, content text, token_count int,
        created_by text, automatic boolean, created_at timestamptz)`;
    const values = [key.org_id, key.id, JSON.stringify(summaries)];
    await tx.execute({ name: 'import_insert_summaries', text }, values);
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
