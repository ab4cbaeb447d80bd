import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import { principalValues, visibleThread } from '../threads/thread-access';
import type { Thread } from '../threads/thread.entity';

type Metadata = Record<string, unknown>;
type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

/** Where a copy ends: at a number of the source, after so many messages, or with the last one. */
export interface Cut {
  seq?: number;
  count?: number;
}

/** A thread that is being filled. */
export interface Fork {
  source: ThreadKey;
  /** The new thread, still empty. */
  id: string;
  name: string;
  cut: Cut;
}

/** What was copied. */
export interface Copied {
  /** Number, in the source, of the last message; 0: there was none. */
  forked_from_seq: number;
}

type Shown = 'id' | 'name' | 'session_id' | 'forked_from_thread_id' | 'forked_from_seq' | 'created_at';

/** A thread of a tree. */
export type LineageRow = Pick<Thread, Shown> & {
  /** 0 is the root. */
  depth: number;
};

const COLUMNS = `t.id, t.name, t.session_id, t.forked_from_thread_id, t.forked_from_seq, t.created_at`;

/**
 * A UUIDv7 with `rest` more of its batch behind it: 4096 to the millisecond, the last one now, so that ids sort like
 * numbers and before those of what is appended next. PostgreSQL has uuidv7() from version 18 on.
 */
const uuidv7 = (rest: string) => `(
  lpad(to_hex((extract(epoch FROM statement_timestamp()) * 1000)::bigint - ${rest} / 4096), 12, '0') || '7' ||
  lpad(to_hex(4095 - ${rest} % 4096), 3, '0') || right(replace(gen_random_uuid()::text, '-', ''), 16))::uuid`;

/**
 * Numbers begin at 1 and have no gaps. Only where summaries stand for messages that were removed from the source's head,
 * they begin behind those: else a summary would stand for a message that it says nothing of.
 */
const REMOVED = `
  SELECT coalesce(max(s.to_seq), 0) AS seq FROM summaries s WHERE s.org_id = $1 AND s.thread_id = $2 AND s.to_seq < coalesce(
    (SELECT min(m.seq) FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2),
    (SELECT t.last_seq + 1 FROM threads t WHERE t.org_id = $1 AND t.id = $2))`;

@Injectable()
export class ForkingRepository {
  /** The thread if the caller may see it. Nobody writes to it until the transaction ends; others may copy it meanwhile. */
  async hold(tx: TenantTx, principal: Principal, id: string): Promise<Thread | undefined> {
    const text = `SELECT t.* FROM threads t WHERE ${visibleThread('t', 1)} AND t.id = $4 FOR SHARE`;
    return (await tx.query<Thread>({ name: 'forking_hold', text }, [...principalValues(principal), id]))[0];
  }

  /** Fills the new thread from the held source: messages, counters, metadata, options, and where it comes from. */
  async copyThread(tx: TenantTx, { source, id, name, cut }: Fork): Promise<Copied> {
    const text = `
      WITH removed AS (${REMOVED}), chosen AS (
        SELECT m.*, row_number() OVER (ORDER BY m.seq) AS n FROM messages m
        WHERE m.org_id = $1 AND m.thread_id = $2 AND ($5::bigint IS NULL OR m.seq <= $5) ORDER BY m.seq LIMIT $6::bigint
      ), total AS (
        SELECT count(*) AS messages, coalesce(sum(token_count), 0) AS tokens, coalesce(sum(cost), 0) AS cost,
          coalesce(max(seq), 0) AS last FROM chosen
      ), stored AS (
        INSERT INTO messages (org_id, thread_id, seq, id, role, content, tool_calls, tool_call_id, name, sender_id,
          metadata, token_count, cost, client_timestamp, created_at, updated_at, owner_id, search)
        SELECT m.org_id, $3, removed.seq + m.n, ${uuidv7('(total.messages - m.n)')}, m.role, m.content, m.tool_calls,
          m.tool_call_id, m.name, m.sender_id, m.metadata, m.token_count, m.cost, m.client_timestamp, m.created_at,
          m.updated_at, (SELECT t.user_id FROM threads t WHERE t.org_id = $1 AND t.id = $3), m.search
        FROM chosen m, removed, total ORDER BY m.n
      )
      UPDATE threads t SET name = $4, metadata = source.metadata, auto_summarize = source.auto_summarize,
        last_seq = removed.seq + total.messages, message_count = total.messages, token_count = total.tokens,
        total_cost = total.cost, forked_from_thread_id = source.id, forked_from_seq = total.last
      FROM threads source, removed, total
      WHERE source.org_id = $1 AND source.id = $2 AND t.org_id = $1 AND t.id = $3
      RETURNING t.forked_from_seq`;
    const values = [source.org_id, source.id, id, name, cut.seq, cut.count];
    return (await tx.query<Copied>({ name: 'forking_copy_thread', text }, values))[0];
  }

  /**
   * The summaries of what was copied, under the new numbers of their messages. A summary of nothing that is there any
   * more is left out.
   * @param upTo number of the last message of the source that they may stand for; absent: all
   */
  async copySummaries(tx: TenantTx, { source, id }: Fork, upTo?: number): Promise<void> {
    // Callers may also summarize what is not stored here: behind the last message numbers go on in step.
    const renumbered = (seq: string) =>
      `(removed.seq + width_bucket(${seq}, old.seqs) + greatest(0, ${seq} - old.last))`;
    const text = `
      WITH removed AS (${REMOVED}), old AS (
        SELECT coalesce(array_agg(m.seq ORDER BY m.seq), '{}') AS seqs,
          coalesce(max(m.seq), (SELECT t.last_seq FROM threads t WHERE t.org_id = $1 AND t.id = $2)) AS last
        FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2
      ), chosen AS (
        SELECT s.*, least(s.from_seq, ${renumbered('(s.from_seq - 1)')} + 1) AS new_from,
          least(s.to_seq, ${renumbered('s.to_seq')}) AS new_to,
          row_number() OVER (ORDER BY s.from_seq DESC, s.id DESC) - 1 AS rest
        FROM summaries s, removed, old
        WHERE s.org_id = $1 AND s.thread_id = $2 AND ($4::bigint IS NULL OR s.to_seq <= $4)
      )
      INSERT INTO summaries (org_id, thread_id, id, from_seq, to_seq, content, token_count, created_by, automatic, created_at)
      SELECT s.org_id, $3, ${uuidv7('s.rest')}, s.new_from, s.new_to, s.content, s.token_count, s.created_by, s.automatic,
        s.created_at
      FROM chosen s WHERE s.new_from <= s.new_to
      ON CONFLICT DO NOTHING`;
    await tx.execute({ name: 'forking_copy_summaries', text }, [source.org_id, source.id, id, upTo]);
  }

  /** What only sessions have, from the source's session to the new one's. A turn under way stays where it is. */
  async copySettings(tx: TenantTx, { source, id }: Pick<Fork, 'source' | 'id'>): Promise<void> {
    const text = `
      UPDATE sessions s SET notebook_id = o.notebook_id, prompt_name = o.prompt_name, system_prompt = o.system_prompt,
        max_tokens = o.max_tokens, variables = o.variables
      FROM sessions o
      WHERE o.org_id = $1 AND o.thread_id = $2 AND s.org_id = $1 AND s.thread_id = $3`;
    await tx.execute({ name: 'forking_copy_settings', text }, [source.org_id, source.id, id]);
  }

  /**
   * The thread and its forks that the caller may see, level by level; none if the thread is not in sight. Below a fork that is
   * not in sight nothing is.
   */
  descendants(tx: TenantTx, principal: Principal, id: string, mostDeep: number, limit: number): Promise<LineageRow[]> {
    // A level at a time, so that the limit cuts off the deepest ones, and nothing is read that is not shown.
    const text = `
      WITH RECURSIVE tree AS (
        SELECT ${COLUMNS}, 0 AS depth FROM threads t WHERE ${visibleThread('t', 1)} AND t.id = $4
        UNION ALL
        SELECT ${COLUMNS}, p.depth + 1
        FROM tree p JOIN threads t ON t.forked_from_thread_id = p.id AND ${visibleThread('t', 1)}
        WHERE p.depth < $5
      )
      SELECT * FROM tree LIMIT $6`;
    return tx.query<LineageRow>({ name: 'forking_descendants', text }, [
      ...principalValues(principal),
      id,
      mostDeep,
      limit,
    ]);
  }

  /** What a JSON merge patch makes of metadata. */
  async mergeMetadata(tx: TenantTx, metadata: Metadata, patch: Metadata): Promise<Metadata> {
    const text = `SELECT throughline_merge_patch($1::jsonb, $2::jsonb) AS metadata`;
    const values = [JSON.stringify(metadata), JSON.stringify(patch)];
    return (await tx.query<{ metadata: Metadata }>({ name: 'forking_merge_metadata', text }, values))[0].metadata;
  }
}
