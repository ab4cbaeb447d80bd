import { Injectable } from '@nestjs/common';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads';
import type { Author, NewMessage } from '../append/new-message';
import type { MessageRow } from '../message.entity';
import { type ThreadNames, threadValues } from '../read/messages.repository';

/** Numbers of messages, both included; absent: no bound. */
export interface SeqRange {
  from?: number;
  to?: number;
}

type Link = Pick<MessageRow, 'seq' | 'tool_calls' | 'tool_call_id'>;

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

const LINKS = sql<ThreadNames, Link>('messages_links')`
  SELECT m.seq, m.tool_calls, m.tool_call_id FROM messages m
  WHERE m.org_id = :orgId AND m.thread_id = :threadId ORDER BY m.seq`;

const AGES = sql<ThreadNames | 'cutoff', Link & { stays: boolean }>('messages_ages')`
  SELECT m.seq, m.tool_calls, m.tool_call_id, coalesce(m.client_timestamp, m.created_at) > :cutoff AS stays
  FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId ORDER BY m.seq`;

const FORGET_SUMMARIES = sql<ThreadNames | 'seq'>('messages_forget_summaries')`
  DELETE FROM summaries WHERE org_id = :orgId AND thread_id = :threadId AND to_seq >= :seq`;

const DELETE_RANGE = sql<ThreadNames | 'from' | 'to' | 'only', Removed>('messages_delete_range')`
  WITH gone AS (
    DELETE FROM messages WHERE org_id = :orgId AND thread_id = :threadId AND seq BETWEEN :from AND :to
      AND (:only::bigint[] IS NULL OR seq = ANY (:only)) RETURNING id, seq, token_count, cost
  ), revisions AS (
    DELETE FROM message_revisions v
    WHERE v.org_id = :orgId AND v.thread_id = :threadId AND ${isIn('v.message_id', 'SELECT g.id FROM gone g')}
  )
  ${REMOVED}`;

type InsertNames = ThreadNames | 'seq' | 'id' | 'role' | 'content' | 'metadata' | 'tokens' | 'cost' | keyof Author;

const INSERT_AT = sql<InsertNames>('messages_insert_at')`
  INSERT INTO messages (org_id, thread_id, seq, id, role, content, metadata, token_count, cost, created_by, created_via,
    created_at, updated_at)
  SELECT t.org_id, t.id, :seq, :id, :role, :content::jsonb, :metadata::jsonb, :tokens, :cost::numeric, :created_by,
    :created_via, t.updated_at, t.updated_at
  FROM threads t WHERE t.org_id = :orgId AND t.id = :threadId`;

/** What is deleted for good, and what takes its place. The thread is held. */
@Injectable()
export class MessageRemovalsRepository {
  /** What links the messages of a thread to each other, oldest first: the cost is that of the whole thread. */
  links(tx: TenantTx, thread: Thread): Promise<Link[]> {
    return tx.query(LINKS, threadValues(thread));
  }

  /** The same, and whether a message is younger than a time: by the caller's own time of it, if there is one. */
  ages(tx: TenantTx, thread: Thread, cutoff: Date): Promise<(Link & { stays: boolean })[]> {
    return tx.query(AGES, { ...threadValues(thread), cutoff });
  }

  /** Removes the summaries of ranges that reach this message. */
  async forgetSummaries(tx: TenantTx, thread: Thread, seq: number): Promise<void> {
    await tx.execute(FORGET_SUMMARIES, { ...threadValues(thread), seq });
  }

  /** For good: earlier versions of them go too. @param only these numbers of the range; absent: all */
  async delete(
    tx: TenantTx,
    thread: Thread,
    { from = 0, to = Number.MAX_SAFE_INTEGER }: SeqRange,
    only?: number[],
  ): Promise<Removed> {
    const [gone] = await tx.query(DELETE_RANGE, { ...threadValues(thread), from, to, only });
    return gone;
  }

  /** Stores a message under a number that is free, on a thread that was touched before, in the same transaction. */
  async insertAt(tx: TenantTx, thread: Thread, seq: number, message: NewMessage & Author): Promise<void> {
    const { id, role, token_count: tokens, cost, created_by, created_via } = message;
    const json = { content: JSON.stringify(message.content), metadata: JSON.stringify(message.metadata) };
    const author = { created_by, created_via };
    await tx.execute(INSERT_AT, { ...threadValues(thread), seq, id, role, tokens, cost, ...author, ...json });
  }
}
