import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { sqlForTarget, type Target, TOUCH, touchedBy, visibleTo } from '../../threads';
import type { MessageRow } from '../message.entity';
import { APPENDED_COLUMNS, MESSAGE_COLUMNS, saidIn } from '../message-columns';
import type { ThreadNames } from '../read/messages.repository';
import type { Appended, Prepared } from './new-message';

/** What several appends of one caller to one thread come to. */
interface GroupedThread {
  target: Target;
  principal: Principal;
  /** How many appends: by so many the version rises. */
  writes: number;
  messages: number;
  tokens: number;
}

/** Each thread once, and all messages, those of one thread next to each other in the threads' order. */
export interface AppendGroup {
  orgId: string;
  threads: GroupedThread[];
  /** Each as JSON. */
  messages: string[];
}

/** A thread as the whole group leaves it; `n` is its number in the group. */
export type GroupedRow = Appended & { n: number };

/** A stored message, with what it was sent as. */
type StoredRow = MessageRow & { request_hash: Buffer | null };

/** A notebook's session keeps its newest messages only: its appends take the careful way, which trims (C04). */
const KEEPS_ALL = `AND NOT EXISTS (
  SELECT 1 FROM sessions s WHERE s.org_id = t.org_id AND s.thread_id = t.id AND s.notebook_id IS NOT NULL)`;

/**
 * The append: one statement. The update locks the thread's row, which makes the numbers gapless and ordered and lets
 * appends to other threads pass; the messages are numbered from it. `->` keeps JSON null and absence apart.
 */
export const APPEND = sqlForTarget<'messages' | 'count' | 'tokens' | 'version' | 'via', Appended>(
  'messages_append',
  'write',
)(
  (isTarget, by) => `
    WITH input AS (
      SELECT m, n FROM jsonb_array_elements(:messages::jsonb) WITH ORDINALITY AS i(m, n)
    ), thread AS (
      UPDATE threads t SET last_seq = t.last_seq + :count::int, message_count = t.message_count + :count::int,
        token_count = t.token_count + :tokens::bigint,
        total_cost = t.total_cost + (SELECT sum((m->>'cost')::numeric) FROM input), ${TOUCH}
      WHERE ${isTarget} AND (:version::bigint IS NULL OR t.version = :version) ${by === 'session' ? KEEPS_ALL : ''}
      RETURNING t.org_id, t.id, t.last_seq - :count::int AS base, t.message_count, t.version, t.updated_at, t.token_count,
        t.auto_summarize
    ), stored AS (
      INSERT INTO messages (${APPENDED_COLUMNS}, request_hash, created_at, updated_at)
      SELECT t.org_id, t.id, t.base + n, ${saidIn('m')}, :userId, :via, decode(m->>'request_hash', 'hex'), t.updated_at, t.updated_at
      FROM thread t, input
    )
    SELECT id AS thread_id, base, message_count, version, updated_at, token_count, auto_summarize FROM thread`,
);

const PRINCIPAL = { orgId: ':orgId', userId: 'w.user_id', seesOrganization: 'w.sees' };

/*
 * The append for several threads at once, some of them under the names of sessions. A notebook's session keeps its newest
 * messages only, and so goes under the lock. A thread that somebody else holds is left out instead of waited for: whoever
 * appends to it goes on alone, and transactions that hold several threads cannot wait for each other.
 */
const APPEND_GROUP = sql<'orgId' | 'threads' | 'messages' | 'places', GroupedRow>('messages_append_group')`
  WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(:threads::jsonb)
      AS w(n int, id uuid, session text, user_id text, via text, sees boolean, writes int, first int, messages int,
        tokens bigint)
  ), input AS MATERIALIZED (
    SELECT i.m, i.t, i.o, (i.m->>'cost')::numeric AS cost
    FROM ROWS FROM (jsonb_array_elements(:messages::jsonb), unnest(:places::int[])) WITH ORDINALITY AS i(m, t, o)
  ), placed AS MATERIALIZED (
    SELECT w.*, coalesce(w.id, (
      SELECT s.thread_id FROM sessions s
      WHERE s.org_id = :orgId AND s.user_id = w.user_id AND s.id = w.session AND s.notebook_id IS NULL)) AS thread_id
    FROM wanted w
  ), held AS MATERIALIZED (
    SELECT w.* FROM placed w CROSS JOIN LATERAL (
      SELECT FROM threads t WHERE t.id = w.thread_id AND ${visibleTo('t', PRINCIPAL, 'write', 'SKIP LOCKED')}
        AND (w.session IS NULL OR t.session_id IS NOT NULL)
      FOR NO KEY UPDATE OF t SKIP LOCKED
    ) t
  ), costs AS (
    SELECT i.t, sum(i.cost) AS cost FROM input i GROUP BY i.t
  ), thread AS (
    UPDATE threads t SET last_seq = t.last_seq + w.messages, message_count = t.message_count + w.messages,
      token_count = t.token_count + w.tokens, total_cost = t.total_cost + c.cost,
      ${touchedBy('w.writes')}
    FROM held w JOIN costs c ON c.t = w.n
    WHERE t.org_id = :orgId AND t.id = w.thread_id
    RETURNING w.n, w.first, w.user_id AS author, w.via, t.org_id, t.id, t.last_seq - w.messages AS base, t.message_count, t.version, t.updated_at,
      t.token_count, t.auto_summarize
  ), stored AS (
    INSERT INTO messages (${APPENDED_COLUMNS}, created_at, updated_at)
    SELECT t.org_id, t.id, t.base + i.o - t.first, ${saidIn('m', { cost: 'i.cost' })}, t.author, t.via, t.updated_at,
      t.updated_at
    FROM thread t JOIN input i ON i.t = t.n ORDER BY i.o
  )
  SELECT n, id AS thread_id, base, message_count, version, updated_at, token_count, auto_summarize FROM thread`;

const FIND_STORED = sql<'orgId' | 'ids', StoredRow>('messages_find_stored', { isoTimes: true })`
  SELECT ${MESSAGE_COLUMNS}, m.request_hash FROM messages m WHERE m.org_id = :orgId AND m.id = ANY(:ids::uuid[])`;

const FIND_AT_END = sql<ThreadNames | 'count' | 'skip', MessageRow>('messages_find_at_end', { isoTimes: true })`
  SELECT ${MESSAGE_COLUMNS} FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId
  ORDER BY m.seq DESC LIMIT :count OFFSET :skip`;

/* Newest first, as a result follows its call closely. */
const FIND_TOOL_CALLS = sql<ThreadNames | 'ids' | 'limit', { id: string }>('messages_find_tool_calls')`
  SELECT c.call->>'id' AS id FROM messages m CROSS JOIN LATERAL jsonb_array_elements(m.tool_calls) AS c(call)
  WHERE m.org_id = :orgId AND m.thread_id = :threadId AND c.call->>'id' = ANY(:ids::text[])
  ORDER BY m.seq DESC LIMIT :limit`;

@Injectable()
export class AppendRepository {
  /** @returns `undefined` when the thread is not in sight or at another version */
  async append(tx: TenantTx, principal: Principal, target: Target, { messages, json }: Prepared, version?: number) {
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    const values = {
      ...principal,
      target: target.id,
      messages: `[${json.join(',')}]`,
      count: messages.length,
      tokens,
      version,
    };
    return (await tx.query(APPEND[target.by], values)).at(0);
  }

  /** @returns the threads that were appended to; the others are not in sight, or held by somebody else */
  appendGroup(tx: TenantTx, { orgId, threads, messages }: AppendGroup): Promise<GroupedRow[]> {
    const places: number[] = [];
    const wanted = threads.map(({ target, principal, writes, messages: count, tokens }, n) => {
      const first = places.length;
      for (let i = 0; i < count; i += 1) places.push(n);
      const named = target.by === 'thread' ? { id: target.id } : { session: target.id };
      const viewing = { user_id: principal.userId, via: principal.via, sees: principal.seesOrganization };
      return { n, ...named, ...viewing, writes, first, messages: count, tokens };
    });
    const values = { orgId, threads: JSON.stringify(wanted), messages: `[${messages.join(',')}]`, places };
    return tx.query(APPEND_GROUP, values);
  }

  /** Messages of the organization by id, wherever they are: to tell a retry from a clash of ids. */
  findStored(tx: TenantTx, orgId: string, ids: string[]): Promise<StoredRow[]> {
    return tx.query(FIND_STORED, { orgId, ids });
  }

  /** Messages at positions, not numbers: `skip` of them lie after the wanted ones, so the end of a thread is near. */
  async findAtEnd(tx: TenantTx, orgId: string, threadId: string, count: number, skip: number): Promise<MessageRow[]> {
    return (await tx.query(FIND_AT_END, { orgId, threadId, count, skip })).reverse();
  }

  /** Which of these tool calls were made in the thread. */
  async findToolCalls(tx: TenantTx, orgId: string, threadId: string, ids: string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (let [missing, rest] = [ids, true]; missing.length > 0 && rest;) {
      const limit = missing.length;
      const rows = await tx.query(FIND_TOOL_CALLS, { orgId, threadId, ids: missing, limit });
      for (const { id } of rows) found.add(id);
      // Where one was made several times, others may lie behind the limit.
      [missing, rest] = [missing.filter((id) => !found.has(id)), rows.length === limit];
    }
    return found;
  }
}
