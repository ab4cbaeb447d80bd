import { Injectable } from '@nestjs/common';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads';
import { type ThreadNames, threadValues } from '../read/messages.repository';

const TURN_START = sql<ThreadNames | 'turns', { seq: number | null }>('messages_turn_start')`
  SELECT min(u.seq) AS seq FROM (
    SELECT m.seq FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId AND m.role = 'user'
    ORDER BY m.seq DESC LIMIT :turns
  ) u`;

const HAS_TURN = sql<ThreadNames>('messages_has_turn')`
  SELECT 1 AS found FROM sessions s
  WHERE s.org_id = :orgId AND s.thread_id = :threadId AND s.turn_id IS NOT NULL AND s.turn_expires_at > clock_timestamp()`;

const LAST_UNDO = sql<ThreadNames | 'lastSeq', { removal_id: string }>('messages_last_undo')`
  SELECT d.removal_id FROM deleted_messages d
  WHERE d.org_id = :orgId AND d.thread_id = :threadId AND d.reason = 'undone' AND d.thread_last_seq = :lastSeq
  ORDER BY d.deleted_at DESC LIMIT 1`;

const TAKE_SUMMARIES = sql<ThreadNames | 'from' | 'removalId'>('messages_take_summaries')`
  WITH gone AS (
    DELETE FROM summaries s WHERE s.org_id = :orgId AND s.thread_id = :threadId AND s.to_seq >= :from RETURNING s.*
  )
  UPDATE deleted_messages d SET summaries = (SELECT jsonb_agg(to_jsonb(gone)) FROM gone)
  WHERE d.org_id = :orgId AND d.thread_id = :threadId AND d.removal_id = :removalId AND d.seq = (
    SELECT min(f.seq) FROM deleted_messages f
    WHERE f.org_id = :orgId AND f.thread_id = :threadId AND f.removal_id = :removalId)`;

const PUT_SUMMARIES_BACK = sql<ThreadNames | 'removalId'>('messages_put_summaries_back')`
  INSERT INTO summaries SELECT s.* FROM deleted_messages d, jsonb_populate_recordset(NULL::summaries, d.summaries) s
  WHERE d.org_id = :orgId AND d.thread_id = :threadId AND d.removal_id = :removalId AND d.summaries IS NOT NULL
  ON CONFLICT DO NOTHING`;

/** The turns of a thread that is held, as undo and redo see them. */
@Injectable()
export class MessageUndoRepository {
  /** Number of the user's message that begins the last `turns` turns, or as many as there are; `undefined`: there is none. */
  async turnStart(tx: TenantTx, thread: Thread, turns: number): Promise<number | undefined> {
    const [{ seq }] = await tx.query(TURN_START, { ...threadValues(thread), turns });
    return seq ?? undefined;
  }

  /** Whether the agent is answering in the thread's session. */
  async hasTurn(tx: TenantTx, thread: Thread): Promise<boolean> {
    return (await tx.query(HAS_TURN, threadValues(thread))).length > 0;
  }

  /** The undo that a redo takes back: the last one, if nothing was appended since. */
  async lastUndo(tx: TenantTx, thread: Thread): Promise<string | undefined> {
    const rows = await tx.query(LAST_UNDO, { ...threadValues(thread), lastSeq: thread.last_seq });
    return rows.at(0)?.removal_id;
  }

  /** Takes the summaries that reach a number away, and keeps them with an undo; without one they are gone. */
  async takeSummaries(tx: TenantTx, thread: Thread, from: number, removalId: string | null): Promise<void> {
    await tx.execute(TAKE_SUMMARIES, { ...threadValues(thread), from, removalId });
  }

  /** Brings them back; the undo's messages are still in the trash. */
  async putSummariesBack(tx: TenantTx, thread: Thread, removalId: string): Promise<void> {
    await tx.execute(PUT_SUMMARIES_BACK, { ...threadValues(thread), removalId });
  }
}
