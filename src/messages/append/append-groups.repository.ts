import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import { type Target, touchedBy, visibleTo } from '../../threads/thread-access';
import type { Appended } from '../read/messages.repository';

/** What several appends of one caller to one thread come to. */
export interface GroupedThread {
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

const PRINCIPAL = { orgId: '$1', userId: 'w.user_id', seesOrganization: 'w.sees' };

/*
 * The append for several threads at once, some of them under the names of sessions. A notebook's session keeps its newest
 * messages only, and so goes the careful way. A thread that somebody else holds is left out instead of waited for: whoever
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
      INSERT INTO messages (org_id, thread_id, seq, id, role, content, tool_calls, tool_call_id, name, sender_id,
        metadata, token_count, cost, client_timestamp, created_at, updated_at)
      SELECT t.org_id, t.id, t.base + i.o - t.first, (m->>'id')::uuid, m->>'role', m->'content', m->'tool_calls',
        m->>'tool_call_id', m->>'name', m->>'sender_id', m->'metadata', (m->>'token_count')::int, i.cost,
        (m->>'client_timestamp')::timestamptz, t.updated_at, t.updated_at
      FROM thread t JOIN input i ON i.t = t.n ORDER BY i.o
    )
    SELECT n, id AS thread_id, base, message_count, version, updated_at, token_count, auto_summarize FROM thread`,
};

@Injectable()
export class AppendGroupsRepository {
  /** @returns the threads that were appended to; the others are not in sight, or held by somebody else */
  append(tx: TenantTx, { orgId, threads, messages }: AppendGroup): Promise<GroupedRow[]> {
    const numbers: number[] = [];
    const wanted = threads.map(({ target, principal, writes, messages: count, tokens }, n) => {
      const first = numbers.length;
      for (let i = 0; i < count; i += 1) numbers.push(n);
      const place = target.by === 'thread' ? { id: target.id } : { session: target.id };
      const viewing = { user_id: principal.userId, sees: principal.seesOrganization };
      return { n, ...place, ...viewing, writes, first, messages: count, tokens };
    });
    const values = [orgId, JSON.stringify(wanted), `[${messages.join(',')}]`, numbers];
    return tx.query<GroupedRow>(APPEND_GROUP, values);
  }
}
