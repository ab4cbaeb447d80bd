import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/tenant-database';
import type { Thread } from '../threads/thread.entity';
import type { MessageRow } from './message.entity';

/** Numbers of messages, both included; absent: no bound. */
export interface SeqRange {
  from?: number;
  to?: number;
}

/** What removed messages had counted. */
export interface Removed {
  messages: number;
  tokens: number;
  cost: string;
}

@Injectable()
export class MessageRemovalsRepository {
  /** What links the messages of a thread to each other, oldest first: the thread is a short one, which is being trimmed. */
  links(tx: TenantTx, thread: Thread): Promise<Pick<MessageRow, 'seq' | 'tool_calls' | 'tool_call_id'>[]> {
    const text = `
      SELECT m.seq, m.tool_calls, m.tool_call_id FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 ORDER BY m.seq`;
    return tx.query({ name: 'messages_links', text }, [thread.org_id, thread.id]);
  }

  async delete(tx: TenantTx, thread: Thread, { from = 0, to = Number.MAX_SAFE_INTEGER }: SeqRange): Promise<Removed> {
    const text = `
      WITH gone AS (
        DELETE FROM messages WHERE org_id = $1 AND thread_id = $2 AND seq BETWEEN $3 AND $4 RETURNING token_count, cost
      )
      SELECT count(*) AS messages, coalesce(sum(token_count), 0) AS tokens, coalesce(sum(cost), 0) AS cost FROM gone`;
    const values = [thread.org_id, thread.id, from, to];
    return (await tx.query<Removed>({ name: 'messages_delete_range', text }, values))[0];
  }
}
