import { Injectable } from '@nestjs/common';
import { addDecimals } from '../../common/decimal';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Order } from '../../http/request/paging';
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

/** Messages by their age. */
export interface Older {
  cutoff: Date;
  /** These stay nevertheless. */
  kept: number[];
}

/** So many messages are removed by one statement: a second or two of work. */
export const MAX_SET = 20_000;
const MAX_SEQ = Number.MAX_SAFE_INTEGER;
/** What removes more messages does not say which (`ChangeLogRepository.note`). */
const MAX_SEQS = 1001;

/** Removes from a number on, as often as a set is full. @param remove the first messages from a number on, at most MAX_SET */
export async function setBySet(from: number, remove: (from: number) => Promise<Removed>): Promise<Removed> {
  let all = await remove(from);
  for (let set = all; set.messages === MAX_SET;) {
    set = await remove(set.seqs[set.seqs.length - 1] + 1);
    const seqs = all.seqs.concat(set.seqs).slice(0, MAX_SEQS);
    all = {
      messages: all.messages + set.messages,
      tokens: all.tokens + set.tokens,
      cost: addDecimals(all.cost, set.cost),
      seqs,
    };
  }
  return all;
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

const LINK = `m.seq, m.tool_call_id,
    CASE WHEN m.tool_calls IS NOT NULL THEN (SELECT jsonb_agg(jsonb_build_object('id', c->'id')) FROM jsonb_array_elements(m.tool_calls) c) END
      AS tool_calls`;
const OF_THREAD = 'm.org_id = :orgId AND m.thread_id = :threadId';

/* From the nearer end. */
const NTH = { asc: nthStatement('asc'), desc: nthStatement('desc') };
function nthStatement(order: Order) {
  return sql<ThreadNames | 'skipped', { seq: number }>(`messages_nth_${order}`)`
    SELECT m.seq FROM messages m WHERE ${OF_THREAD} ORDER BY m.seq ${order} OFFSET :skipped LIMIT 1`;
}

const LINKS_AROUND = sql<ThreadNames | 'seq' | 'reach', Link>('messages_links_around')`
  SELECT * FROM (
    (SELECT ${LINK} FROM messages m WHERE ${OF_THREAD} AND m.seq < :seq ORDER BY m.seq DESC LIMIT :reach)
    UNION ALL
    (SELECT ${LINK} FROM messages m WHERE ${OF_THREAD} AND m.seq >= :seq ORDER BY m.seq LIMIT :reach)
  ) m ORDER BY m.seq`;

/* A message without a call is nobody else's. */
const AGES = sql<ThreadNames | 'cutoff' | 'after' | 'limit', Link & { stays: boolean }>('messages_ages')`
  SELECT ${LINK}, coalesce(m.client_timestamp, m.created_at) > :cutoff AS stays
  FROM messages m WHERE ${OF_THREAD} AND m.seq > :after AND (m.tool_calls IS NOT NULL OR m.tool_call_id IS NOT NULL)
  ORDER BY m.seq LIMIT :limit`;

const FORGET_SUMMARIES = sql<ThreadNames | 'seq'>('messages_forget_summaries')`
  DELETE FROM summaries WHERE org_id = :orgId AND thread_id = :threadId AND to_seq >= :seq`;

/* Chosen first: a set is bounded, whatever the range is. */
const DELETE_SET = sql<ThreadNames | 'from' | 'to' | 'cutoff' | 'kept' | 'limit', Removed>('messages_delete_set')`
  WITH gone AS (
    DELETE FROM messages m WHERE ${OF_THREAD} AND m.seq = ANY (ARRAY(
      SELECT m.seq FROM messages m WHERE ${OF_THREAD} AND m.seq BETWEEN :from AND :to
        AND (:cutoff::timestamptz IS NULL OR coalesce(m.client_timestamp, m.created_at) <= :cutoff)
        AND m.seq NOT IN (SELECT unnest(:kept::bigint[])) ORDER BY m.seq LIMIT :limit
    )) RETURNING id, seq, token_count, cost
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
  /** The number of the first of the newest `count` messages, of which the thread has more. */
  async firstOfNewest(tx: TenantTx, thread: Thread, count: number): Promise<number> {
    const older = thread.message_count - count;
    const [nth, skipped] = older < count ? [NTH.asc, older] : [NTH.desc, count - 1];
    return (await tx.query(nth, { ...threadValues(thread), skipped }))[0].seq;
  }

  /** What links the messages around a number to each other, oldest first, on each side as many as `reach`. */
  linksAround(tx: TenantTx, thread: Thread, seq: number, reach: number): Promise<Link[]> {
    return tx.query(LINKS_AROUND, { ...threadValues(thread), seq, reach });
  }

  /** Calls and results of a thread, and whether each is younger than a time: by the caller's own time of it, if there is one. */
  async ages(tx: TenantTx, thread: Thread, cutoff: Date): Promise<(Link & { stays: boolean })[]> {
    const all: (Link & { stays: boolean })[] = [];
    for (;;) {
      const after = all.at(-1)?.seq ?? 0;
      const rows = await tx.query(AGES, { ...threadValues(thread), cutoff, after, limit: MAX_SET });
      for (const row of rows) all.push(row);
      if (rows.length < MAX_SET) return all;
    }
  }

  /** Removes the summaries of ranges that reach this message. */
  async forgetSummaries(tx: TenantTx, thread: Thread, seq: number): Promise<void> {
    await tx.execute(FORGET_SUMMARIES, { ...threadValues(thread), seq });
  }

  /**
   * For good: earlier versions of them go too. Set by set, in the transaction of the caller, so that no statement takes long.
   * @param older only those that are not younger than a time, and not these; absent: all of the range
   */
  delete(tx: TenantTx, thread: Thread, { from = 0, to = MAX_SEQ }: SeqRange, older?: Older): Promise<Removed> {
    const { cutoff, kept } = older ?? {};
    const values = { ...threadValues(thread), to, cutoff, kept, limit: MAX_SET };
    return setBySet(from, async (first) => (await tx.query(DELETE_SET, { ...values, from: first }))[0]);
  }

  /** Stores a message under a number that is free, on a thread that was touched before, in the same transaction. */
  async insertAt(tx: TenantTx, thread: Thread, seq: number, message: NewMessage & Author): Promise<void> {
    const { id, role, token_count: tokens, cost, created_by, created_via } = message;
    const json = { content: JSON.stringify(message.content), metadata: JSON.stringify(message.metadata) };
    const author = { created_by, created_via };
    await tx.execute(INSERT_AT, { ...threadValues(thread), seq, id, role, tokens, cost, ...author, ...json });
  }
}
