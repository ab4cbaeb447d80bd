import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { columnsOf } from '../database/door/conditions';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { type PrincipalNames, Thread, visible } from '../threads';

type Metadata = Record<string, unknown>;
type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

/** Where a copy ends: at a number of the source, after so many messages, or with the last one. */
export interface Cut {
  seq?: number;
  count?: number;
}

/** A thread that is being filled. */
export interface Fork {
  source: ThreadKey & Pick<Thread, 'message_count'>;
  /** The new thread, still empty. */
  id: string;
  name: string;
  cut: Cut;
}

/** What was copied. */
interface Copied {
  /** Number, in the source, of the last message; 0: there was none. */
  forked_from_seq: number;
}

interface CopiedSet {
  messages: number;
}

/** So many messages are copied by one statement: about a second of work. */
const MAX_SET = 10_000;

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
  SELECT coalesce(max(s.to_seq), 0) AS seq FROM summaries s WHERE s.org_id = :orgId AND s.thread_id = :sourceId AND s.to_seq < coalesce(
    (SELECT min(m.seq) FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :sourceId),
    (SELECT t.last_seq + 1 FROM threads t WHERE t.org_id = :orgId AND t.id = :sourceId))`;

/* SQL throughout: messages are copied set by set, and threads are of another room. */
type ForkNames = 'orgId' | 'sourceId' | 'id';

const HOLD = sql<PrincipalNames | 'id', Thread>('forking_hold')`
  SELECT ${columnsOf(Thread, 't')} FROM threads t WHERE ${visible('t')} AND t.id = :id FOR SHARE`;

/* One set of messages, the first ones behind those that were copied. What it counted is added to the new thread. */
const COPY_SET = sql<ForkNames | 'name' | 'after' | 'seq' | 'done' | 'rest' | 'limit', Copied & CopiedSet>(
  'forking_copy_set',
)`
  WITH removed AS (${REMOVED}), chosen AS (
    SELECT m.*, row_number() OVER (ORDER BY m.seq) AS n FROM messages m
    WHERE m.org_id = :orgId AND m.thread_id = :sourceId AND m.seq > :after AND (:seq::bigint IS NULL OR m.seq <= :seq)
    ORDER BY m.seq LIMIT :limit
  ), copied AS (
    SELECT count(*) AS messages, coalesce(sum(token_count), 0) AS tokens, coalesce(sum(cost), 0) AS cost,
      coalesce(max(seq), 0) AS last FROM chosen
  ), stored AS (
    INSERT INTO messages (org_id, thread_id, seq, id, role, content, tool_calls, tool_call_id, name, sender_id,
      metadata, token_count, cost, client_timestamp, created_by, created_via, created_at, updated_at, owner_id, search)
    SELECT m.org_id, :id, removed.seq + :done + m.n, ${uuidv7('greatest(:rest::bigint - m.n, 0)')}, m.role, m.content, m.tool_calls,
      m.tool_call_id, m.name, m.sender_id, m.metadata, m.token_count, m.cost, m.client_timestamp, m.created_by,
      m.created_via, m.created_at, m.updated_at, (SELECT t.user_id FROM threads t WHERE t.org_id = :orgId AND t.id = :id), m.search
    FROM chosen m, removed ORDER BY m.n
  )
  UPDATE threads t SET name = :name, metadata = source.metadata, auto_summarize = source.auto_summarize,
    last_seq = removed.seq + t.message_count + copied.messages, message_count = t.message_count + copied.messages,
    token_count = t.token_count + copied.tokens, total_cost = t.total_cost + copied.cost,
    forked_from_thread_id = source.id, forked_from_seq = greatest(t.forked_from_seq, copied.last)
  FROM threads source, removed, copied
  WHERE source.org_id = :orgId AND source.id = :sourceId AND t.org_id = :orgId AND t.id = :id
  RETURNING t.forked_from_seq, copied.messages`;

/* Callers may also summarize what is not stored here: behind the last message numbers go on in step. */
const renumbered = (seq: string) => `(removed.seq + width_bucket(${seq}, old.seqs) + greatest(0, ${seq} - old.last))`;

const COPY_SUMMARIES = sql<ForkNames | 'upTo'>('forking_copy_summaries')`
  WITH removed AS (${REMOVED}), old AS (
    SELECT coalesce(array_agg(m.seq ORDER BY m.seq), '{}') AS seqs,
      coalesce(max(m.seq), (SELECT t.last_seq FROM threads t WHERE t.org_id = :orgId AND t.id = :sourceId)) AS last
    FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :sourceId
  ), chosen AS (
    SELECT s.*, least(s.from_seq, ${renumbered('(s.from_seq - 1)')} + 1) AS new_from,
      least(s.to_seq, ${renumbered('s.to_seq')}) AS new_to,
      row_number() OVER (ORDER BY s.from_seq DESC, s.id DESC) - 1 AS rest
    FROM summaries s, removed, old
    WHERE s.org_id = :orgId AND s.thread_id = :sourceId AND (:upTo::bigint IS NULL OR s.to_seq <= :upTo)
  )
  INSERT INTO summaries (org_id, thread_id, id, from_seq, to_seq, content, token_count, created_by, automatic, created_at)
  SELECT s.org_id, :id, ${uuidv7('s.rest')}, s.new_from, s.new_to, s.content, s.token_count, s.created_by, s.automatic,
    s.created_at
  FROM chosen s WHERE s.new_from <= s.new_to
  ON CONFLICT DO NOTHING`;

const COPY_SETTINGS = sql<ForkNames>('forking_copy_settings')`
  UPDATE sessions s SET notebook_id = o.notebook_id, prompt_name = o.prompt_name, system_prompt = o.system_prompt,
    max_tokens = o.max_tokens, variables = o.variables
  FROM sessions o
  WHERE o.org_id = :orgId AND o.thread_id = :sourceId AND s.org_id = :orgId AND s.thread_id = :id`;

const MERGE_METADATA = sql<'metadata' | 'patch', { metadata: Metadata }>('forking_merge_metadata')`
  SELECT throughline_merge_patch(:metadata::jsonb, :patch::jsonb) AS metadata`;

/* A level at a time, so that the limit cuts off the deepest ones, and nothing is read that is not shown. */
const DESCENDANTS = sql<PrincipalNames | 'id' | 'mostDeep' | 'limit', LineageRow>('forking_descendants')`
  WITH RECURSIVE tree AS (
    SELECT ${COLUMNS}, 0 AS depth FROM threads t WHERE ${visible('t')} AND t.id = :id
    UNION ALL
    SELECT ${COLUMNS}, p.depth + 1
    FROM tree p JOIN threads t ON t.forked_from_thread_id = p.id AND ${visible('t')}
    WHERE p.depth < :mostDeep
  )
  SELECT * FROM tree LIMIT :limit`;

const keysOf = ({ source, id }: { source: ThreadKey; id: string }) => ({
  orgId: source.org_id,
  sourceId: source.id,
  id,
});

@Injectable()
export class ForkingRepository {
  /** The thread if the caller may see it. Nobody writes to it until the transaction ends; others may copy it meanwhile. */
  async hold(tx: TenantTx, principal: Principal, id: string): Promise<Thread | undefined> {
    return (await tx.query(HOLD, { ...principal, id }))[0];
  }

  /**
   * Fills the new thread from the held source: messages, counters, metadata, options, and where it comes from. Set by set, so
   * that no statement takes long; nobody sees the thread before the transaction ends.
   */
  async copyThread(tx: TenantTx, fork: Fork): Promise<Copied> {
    const { name, cut, source } = fork;
    const total = Math.min(source.message_count, cut.count ?? Infinity);
    let after = 0;
    for (let done = 0; ;) {
      const limit = Math.min(MAX_SET, (cut.count ?? Infinity) - done);
      const place = { after, done, rest: total - done, limit };
      const [set] = await tx.query(COPY_SET, { ...keysOf(fork), name, seq: cut.seq, ...place });
      done += set.messages;
      after = set.forked_from_seq;
      if (set.messages < MAX_SET || done === cut.count) return set;
    }
  }

  /**
   * The summaries of what was copied, under the new numbers of their messages. A summary of nothing that is there any
   * more is left out.
   * @param upTo number of the last message of the source that they may stand for; absent: all
   */
  async copySummaries(tx: TenantTx, fork: Fork, upTo?: number): Promise<void> {
    await tx.execute(COPY_SUMMARIES, { ...keysOf(fork), upTo });
  }

  /** What only sessions have, from the source's session to the new one's. A turn under way stays where it is. */
  async copySettings(tx: TenantTx, fork: { source: ThreadKey; id: string }): Promise<void> {
    await tx.execute(COPY_SETTINGS, keysOf(fork));
  }

  /**
   * The thread and its forks that the caller may see, level by level; none if the thread is not in sight. Below a fork that is
   * not in sight nothing is.
   */
  descendants(tx: TenantTx, principal: Principal, id: string, mostDeep: number, limit: number): Promise<LineageRow[]> {
    return tx.query(DESCENDANTS, { ...principal, id, mostDeep, limit });
  }

  /** What a JSON merge patch makes of metadata. */
  async mergeMetadata(tx: TenantTx, metadata: Metadata, patch: Metadata): Promise<Metadata> {
    const values = { metadata: JSON.stringify(metadata), patch: JSON.stringify(patch) };
    return (await tx.query(MERGE_METADATA, values))[0].metadata;
  }
}
