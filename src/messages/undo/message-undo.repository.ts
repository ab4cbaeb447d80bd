import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';

/** The turns of a thread that is held, as undo and redo see them. */
@Injectable()
export class MessageUndoRepository {
  /** Number of the user's message that begins the last `turns` turns, or as many as there are; `undefined`: there is none. */
  async turnStart(tx: TenantTx, thread: Thread, turns: number): Promise<number | undefined> {
    const text = `
      SELECT min(u.seq) AS seq FROM (
        SELECT m.seq FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.role = 'user' ORDER BY m.seq DESC LIMIT $3
      ) u`;
    const values = [thread.org_id, thread.id, turns];
    const rows = await tx.query<{ seq: number | null }>({ name: 'messages_turn_start', text }, values);
    return rows[0].seq ?? undefined;
  }

  /** Whether the agent is answering in the thread's session. */
  async hasTurn(tx: TenantTx, thread: Thread): Promise<boolean> {
    const text = `
      SELECT 1 AS found FROM sessions s
      WHERE s.org_id = $1 AND s.thread_id = $2 AND s.turn_id IS NOT NULL AND s.turn_expires_at > clock_timestamp()`;
    return (await tx.query({ name: 'messages_has_turn', text }, [thread.org_id, thread.id])).length > 0;
  }

  /** The undo that a redo takes back: the last one, if nothing was appended since. */
  async lastUndo(tx: TenantTx, thread: Thread): Promise<string | undefined> {
    const text = `
      SELECT d.removal_id FROM deleted_messages d
      WHERE d.org_id = $1 AND d.thread_id = $2 AND d.reason = 'undone' AND d.thread_last_seq = $3
      ORDER BY d.deleted_at DESC LIMIT 1`;
    const values = [thread.org_id, thread.id, thread.last_seq];
    return (await tx.query<{ removal_id: string }>({ name: 'messages_last_undo', text }, values)).at(0)?.removal_id;
  }

  /** Takes the summaries that reach a number away, and keeps them with an undo; without one they are gone. */
  async takeSummaries(tx: TenantTx, thread: Thread, from: number, removalId: string | null): Promise<void> {
    const text = `
      WITH gone AS (
        DELETE FROM summaries s WHERE s.org_id = $1 AND s.thread_id = $2 AND s.to_seq >= $3 RETURNING s.*
      )
      UPDATE deleted_messages d SET summaries = (SELECT jsonb_agg(to_jsonb(gone)) FROM gone)
      WHERE d.org_id = $1 AND d.thread_id = $2 AND d.removal_id = $4 AND d.seq = (
        SELECT min(f.seq) FROM deleted_messages f WHERE f.org_id = $1 AND f.thread_id = $2 AND f.removal_id = $4)`;
    await tx.execute({ name: 'messages_take_summaries', text }, [thread.org_id, thread.id, from, removalId]);
  }

  /** Brings them back; the undo's messages are still in the trash. */
  async putSummariesBack(tx: TenantTx, thread: Thread, removalId: string): Promise<void> {
    const text = `
      INSERT INTO summaries SELECT s.* FROM deleted_messages d, jsonb_populate_recordset(NULL::summaries, d.summaries) s
      WHERE d.org_id = $1 AND d.thread_id = $2 AND d.removal_id = $3 AND d.summaries IS NOT NULL ON CONFLICT DO NOTHING`;
    await tx.execute({ name: 'messages_put_summaries_back', text }, [thread.org_id, thread.id, removalId]);
  }
}
