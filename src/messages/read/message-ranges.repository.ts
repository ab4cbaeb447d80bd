import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { MessageRow } from '../message.entity';
import type { NewMessage } from '../append/new-message';

type Outlined = 'seq' | 'id' | 'role' | 'tool_calls' | 'tool_call_id' | 'token_count' | 'updated_at';

/** A message without its content. */
export type OutlineRow = Pick<MessageRow, Outlined> & {
  /** `metadata.summary`: what a message that stands for others says of them. */
  summary: unknown;
};

export type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

@Injectable()
export class MessageRangesRepository {
  /** The messages after a number, oldest first. */
  outline(tx: TenantTx, thread: ThreadKey, afterSeq: number, limit?: number): Promise<OutlineRow[]> {
    const text = `
      SELECT m.seq, m.id, m.role, m.tool_calls, m.tool_call_id, m.token_count, m.updated_at, m.metadata->'summary' AS summary
      FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq > $3 ORDER BY m.seq LIMIT $4`;
    const values = [thread.org_id, thread.id, afterSeq, limit];
    return tx.query({ name: 'messages_outline', text, isoTimes: true }, values);
  }

  /** Stores a message under a number that is free, on a thread that was touched before, in the same transaction. */
  async insertAt(tx: TenantTx, thread: ThreadKey, seq: number, message: NewMessage): Promise<void> {
    const text = `
      INSERT INTO messages (org_id, thread_id, seq, id, role, content, metadata, token_count, cost, created_at, updated_at)
      SELECT t.org_id, t.id, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9::numeric, t.updated_at, t.updated_at
      FROM threads t WHERE t.org_id = $1 AND t.id = $2`;
    const { id, role, content, metadata, token_count, cost } = message;
    const json = [JSON.stringify(content), JSON.stringify(metadata)];
    const values = [thread.org_id, thread.id, seq, id, role, ...json, token_count, cost];
    await tx.execute({ name: 'messages_insert_at', text }, values);
  }
}
