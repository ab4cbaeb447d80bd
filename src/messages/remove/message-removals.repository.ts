import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { NewMessage } from '../append/new-message';
import type { MessageRow } from '../message.entity';

/** Numbers of messages, both included; absent: no bound. */
export interface SeqRange {
  from?: number;
  to?: number;
}

export type Link = Pick<MessageRow, 'seq' | 'tool_calls' | 'tool_call_id'>;

/** What removed messages had counted. */
export interface Removed {
  messages: number;
  tokens: number;
  cost: string;
  /** Their numbers, ascending. */
  seqs: number[];
}

/**
 * Whether a column is one of many: looked up in a hash. A join of tables that were just filled, of which PostgreSQL has no
 * statistics yet, may compare each of 10,000 rows with each other.
 */
export const isIn = (column: string, values: string) => `(${column} IN (${values})) IS TRUE`;

/** Of `gone`: what the messages in it had counted. */
export const REMOVED = `
  SELECT count(*) AS messages, coalesce(sum(token_count), 0) AS tokens, coalesce(sum(cost), 0) AS cost,
    coalesce(json_agg(seq ORDER BY seq), '[]') AS seqs FROM gone`;

@Injectable()
export class MessageRemovalsRepository {
  /** What links the messages of a thread to each other, oldest first: the cost is that of the whole thread. */
  links(tx: TenantTx, thread: Thread): Promise<Link[]> {
    const text = `
      SELECT m.seq, m.tool_calls, m.tool_call_id FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 ORDER BY m.seq`;
    return tx.query({ name: 'messages_links', text }, [thread.org_id, thread.id]);
  }

  /** The same, and whether a message is younger than a time: by the caller's own time of it, if there is one. */
  ages(tx: TenantTx, thread: Thread, cutoff: Date): Promise<(Link & { stays: boolean })[]> {
    const text = `
      SELECT m.seq, m.tool_calls, m.tool_call_id, coalesce(m.client_timestamp, m.created_at) > $3 AS stays
      FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 ORDER BY m.seq`;
    return tx.query({ name: 'messages_ages', text }, [thread.org_id, thread.id, cutoff]);
  }

  /** Removes the summaries of ranges that reach this message. */
  async forgetSummaries(tx: TenantTx, thread: Thread, seq: number): Promise<void> {
    const text = `DELETE FROM summaries WHERE org_id = $1 AND thread_id = $2 AND to_seq >= $3`;
    await tx.execute({ name: 'messages_forget_summaries', text }, [thread.org_id, thread.id, seq]);
  }

  /** For good: earlier versions of them go too. @param only these numbers of the range; absent: all */
  async delete(
    tx: TenantTx,
    thread: Thread,
    { from = 0, to = Number.MAX_SAFE_INTEGER }: SeqRange,
    only?: number[],
  ): Promise<Removed> {
    const text = `
      WITH gone AS (
        DELETE FROM messages WHERE org_id = $1 AND thread_id = $2 AND seq BETWEEN $3 AND $4
          AND ($5::bigint[] IS NULL OR seq = ANY ($5)) RETURNING id, seq, token_count, cost
      ), revisions AS (
        DELETE FROM message_revisions v
        WHERE v.org_id = $1 AND v.thread_id = $2 AND ${isIn('v.message_id', 'SELECT g.id FROM gone g')}
      )
      ${REMOVED}`;
    const values = [thread.org_id, thread.id, from, to, only];
    return (await tx.query<Removed>({ name: 'messages_delete_range', text }, values))[0];
  }

  /** Stores a message under a number that is free, on a thread that was touched before, in the same transaction. */
  async insertAt(tx: TenantTx, thread: Thread, seq: number, message: NewMessage): Promise<void> {
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
