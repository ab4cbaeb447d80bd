import { Injectable } from '@nestjs/common';
import type { Json } from '../common/json';
import type { TenantTx } from '../database/tenant-database';
import { type Viewer, viewerValues, visibleThread } from '../database/visibility';
import type { Thread } from '../threads/thread.entity';
import type { MessageRow } from './message.entity';
import { MESSAGE_COLUMNS } from './messages.repository';

export interface MessageChange {
  /** `undefined`: the content stays. */
  content?: Json;
  metadata?: Record<string, unknown>;
  token_count: number;
  cost: string;
}

/** Edits and deletes. All of them work under the lock of the thread, taken first, so that they cannot deadlock. */
@Injectable()
export class MessageEditsRepository {
  /** The thread of a message, held until the transaction ends. */
  async lockThreadOf(tx: TenantTx, viewer: Viewer, id: string): Promise<Thread | undefined> {
    const text = `
      SELECT t.* FROM threads t JOIN messages m ON m.org_id = t.org_id AND m.thread_id = t.id
      WHERE ${visibleThread('t', 1, 'write')} AND m.org_id = $1 AND m.id = $4 FOR UPDATE OF t`;
    const rows = await tx.query<Thread>({ name: 'messages_lock_thread', text }, [...viewerValues(viewer), id]);
    return rows[0];
  }

  /** Read after the lock was taken: what a writer before us left. */
  async find(tx: TenantTx, orgId: string, id: string): Promise<MessageRow | undefined> {
    const text = `SELECT ${MESSAGE_COLUMNS} FROM messages m WHERE m.org_id = $1 AND m.id = $2`;
    const rows = await tx.query<MessageRow>({ name: 'messages_find_locked', text, isoTimes: true }, [orgId, id]);
    return rows[0];
  }

  /** @returns the message as it is now */
  async update(tx: TenantTx, orgId: string, id: string, change: MessageChange): Promise<MessageRow> {
    const text = `
      UPDATE messages m SET content = CASE WHEN $3::text IS NULL THEN m.content ELSE $3::jsonb END,
        metadata = CASE WHEN $4::jsonb IS NULL THEN m.metadata ELSE throughline_merge_patch(m.metadata, $4) END,
        token_count = $5, cost = $6::numeric,
        updated_at = greatest(clock_timestamp(), m.updated_at + interval '1 ms')
      WHERE m.org_id = $1 AND m.id = $2 RETURNING ${MESSAGE_COLUMNS}`;
    const content = change.content === undefined ? null : JSON.stringify(change.content);
    const metadata = change.metadata === undefined ? null : JSON.stringify(change.metadata);
    const values = [orgId, id, content, metadata, change.token_count, change.cost];
    const [row] = await tx.query<MessageRow>({ name: 'messages_update', text, isoTimes: true }, values);
    return row;
  }

  /** @returns what the message counted; `undefined` if it is gone already */
  async delete(tx: TenantTx, orgId: string, id: string): Promise<{ token_count: number; cost: string } | undefined> {
    const text = `DELETE FROM messages WHERE org_id = $1 AND id = $2 RETURNING token_count, cost`;
    const rows = await tx.query<{ token_count: number; cost: string }>({ name: 'messages_delete', text }, [orgId, id]);
    return rows[0];
  }

  /** Removes the summaries too (C39). @returns how many messages there were */
  clear(tx: TenantTx, orgId: string, threadId: string): Promise<number> {
    const text = `
      WITH summary AS (DELETE FROM summaries WHERE org_id = $1 AND thread_id = $2)
      DELETE FROM messages WHERE org_id = $1 AND thread_id = $2`;
    return tx.execute({ name: 'messages_clear', text }, [orgId, threadId]);
  }
}
