import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { TenantTx } from '../../database/door/tenant-database';
import { type AutoSummarize, forTargets, type Target, targetValues, TOUCH, touchedBy, visibleTo } from '../../threads';
import type { MessageRow } from '../message.entity';
import { APPENDED_COLUMNS, MESSAGE_COLUMNS, saidIn } from '../message-columns';
import type { NewMessage } from './new-message';

/** What an append tells of the thread, in one row. */
export interface Appended {
  thread_id: string;
  /** Number of the last message before the new ones. */
  base: number;
  message_count: number;
  version: number;
  updated_at: Date;
  token_count: number;
  auto_summarize: AutoSummarize | null;
}

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

/** A notebook's session keeps its newest messages only: its appends take the careful way, which trims (C04). */
const KEEPS_ALL = `AND NOT EXISTS (
  SELECT 1 FROM sessions s WHERE s.org_id = t.org_id AND s.thread_id = t.id AND s.notebook_id IS NOT NULL)`;

/**
 * The append: one statement. The update locks the thread's row, which makes the numbers gapless and ordered and lets
 * appends to other threads pass; the messages are numbered from it. `->` keeps JSON null and absence apart.
 */
export const APPEND = forTargets(
  { name: 'messages_append' },
  'write',
  (isTarget, by) => `
    WITH input AS (
      SELECT m, n FROM jsonb_array_elements($5::jsonb) WITH ORDINALITY AS i(m, n)
    ), thread AS (
      UPDATE threads t SET last_seq = t.last_seq + $6::int, message_count = t.message_count + $6::int,
        token_count = t.token_count + $7::bigint,
        total_cost = t.total_cost + (SELECT sum((m->>'cost')::numeric) FROM input), ${TOUCH}
      WHERE ${isTarget} AND ($8::bigint IS NULL OR t.version = $8) ${by === 'session' ? KEEPS_ALL : ''}
      RETURNING t.org_id, t.id, t.last_seq - $6::int AS base, t.message_count, t.version, t.updated_at, t.token_count,
        t.auto_summarize
    ), stored AS (
      INSERT INTO messages (${APPENDED_COLUMNS}, request_hash, created_at, updated_at)
      SELECT t.org_id, t.id, t.base + n, ${saidIn('m')}, decode(m->>'request_hash', 'hex'), t.updated_at, t.updated_at
      FROM thread t, input
    )
    SELECT id AS thread_id, base, message_count, version, updated_at, token_count, auto_summarize FROM thread`,
);

const PRINCIPAL = { orgId: '$1', userId: 'w.user_id', seesOrganization: 'w.sees' };

/*
 * The append for several threads at once, some of them under the names of sessions. A notebook's session keeps its newest
 * messages only, and so goes under the lock. A thread that somebody else holds is left out instead of waited for: whoever
 * appends to it goes on alone, and transactions that hold several threads cannot wait for each other.
 */
const APPEND_GROUP = {
  name: 'messages_append_group',
  text: `
    WITH wanted AS (
      SELECT * FROM jsonb_to_recordset($2::jsonb)
        AS w(n int, id uuid, session text, user_id text, sees boolean, writes int, first int, messages int, tokens bigint)
    ), input AS MATERIALIZED (
      SELECT i.m, i.t, i.o, (i.m->>'cost')::numeric AS cost
      FROM ROWS FROM (jsonb_array_elements($3::jsonb), unnest($4::int[])) WITH ORDINALITY AS i(m, t, o)
    ), placed AS MATERIALIZED (
      SELECT w.*, coalesce(w.id, (
        SELECT s.thread_id FROM sessions s
        WHERE s.org_id = $1 AND s.user_id = w.user_id AND s.id = w.session AND s.notebook_id IS NULL)) AS thread_id
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
      WHERE t.org_id = $1 AND t.id = w.thread_id
      RETURNING w.n, w.first, t.org_id, t.id, t.last_seq - w.messages AS base, t.message_count, t.version, t.updated_at,
        t.token_count, t.auto_summarize
    ), stored AS (
      INSERT INTO messages (${APPENDED_COLUMNS}, created_at, updated_at)
      SELECT t.org_id, t.id, t.base + i.o - t.first, ${saidIn('m', { cost: 'i.cost' })}, t.updated_at, t.updated_at
      FROM thread t JOIN input i ON i.t = t.n ORDER BY i.o
    )
    SELECT n, id AS thread_id, base, message_count, version, updated_at, token_count, auto_summarize FROM thread`,
};

@Injectable()
export class AppendRepository {
  /** @returns `undefined` when the thread is not in sight or at another version */
  async append(tx: TenantTx, principal: Principal, target: Target, messages: NewMessage[], version?: number) {
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    const values = [...targetValues(principal, target), JSON.stringify(messages), messages.length, tokens, version];
    const rows = await tx.query<Appended>(APPEND[target.by], values);
    return rows.at(0);
  }

  /** @returns the threads that were appended to; the others are not in sight, or held by somebody else */
  appendGroup(tx: TenantTx, { orgId, threads, messages }: AppendGroup): Promise<GroupedRow[]> {
    const numbers: number[] = [];
    const wanted = threads.map(({ target, principal, writes, messages: count, tokens }, n) => {
      const first = numbers.length;
      for (let i = 0; i < count; i += 1) numbers.push(n);
      const named = target.by === 'thread' ? { id: target.id } : { session: target.id };
      const viewing = { user_id: principal.userId, sees: principal.seesOrganization };
      return { n, ...named, ...viewing, writes, first, messages: count, tokens };
    });
    const values = [orgId, JSON.stringify(wanted), `[${messages.join(',')}]`, numbers];
    return tx.query<GroupedRow>(APPEND_GROUP, values);
  }

  /** Messages of the organization by id, wherever they are: to tell a retry from a clash of ids. */
  findStored(tx: TenantTx, orgId: string, ids: string[]): Promise<(MessageRow & { request_hash: Buffer | null })[]> {
    const text = `SELECT ${MESSAGE_COLUMNS}, m.request_hash FROM messages m WHERE m.org_id = $1 AND m.id = ANY($2::uuid[])`;
    return tx.query({ name: 'messages_find_stored', text, isoTimes: true }, [orgId, ids]);
  }

  /** Messages at positions, not numbers: `skip` of them lie after the wanted ones, so the end of a thread is near. */
  async findAtEnd(tx: TenantTx, orgId: string, threadId: string, count: number, skip: number): Promise<MessageRow[]> {
    const text = `
      SELECT ${MESSAGE_COLUMNS} FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2
      ORDER BY m.seq DESC LIMIT $3 OFFSET $4`;
    const rows = await tx.query<MessageRow>({ name: 'messages_find_at_end', text, isoTimes: true }, [
      orgId,
      threadId,
      count,
      skip,
    ]);
    return rows.reverse();
  }

  /** Whether a tool call was made in the thread: newest first, as a result follows its call closely. */
  async hasToolCall(tx: TenantTx, orgId: string, threadId: string, callId: string): Promise<boolean> {
    const text = `
      SELECT 1 AS found FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2
        AND m.tool_calls @> jsonb_build_array(jsonb_build_object('id', $3::text))
      ORDER BY m.seq DESC LIMIT 1`;
    return (await tx.query({ name: 'messages_find_tool_call', text }, [orgId, threadId, callId])).length > 0;
  }
}
