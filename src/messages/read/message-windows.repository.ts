import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import { forTargets, type Target, targetValues } from '../../threads/thread-access';
import type { MessageRow } from '../message.entity';
import { OWN_COLUMNS } from './messages.repository';

/** How far back the newest messages are read. */
export interface WindowSlice {
  limit: number;
  /** Tokens, as stored, from which on no older one is read; undefined: the budget of the session, 0: none. */
  tokens?: number;
  /** Tokens of that budget that are spoken for. */
  reserved: number;
}

/** A thread seen from its end, with how it begins; and what its session, if it has one, says of its contexts. */
export interface MessageWindow {
  thread_id: string;
  user_id: string;
  total: number;
  system_prompt: string | null;
  max_tokens: number | null;
  has_summaries: boolean;
  /** System messages before all others, oldest first. */
  leading: MessageRow[];
  /** The newest, oldest first; they may be among the leading ones. */
  rows: MessageRow[];
}

type Line = MessageRow & Omit<MessageWindow, 'leading' | 'rows'> & { leads: boolean | null };

const MOST_LEADING = 100;
const INSTRUCTING = `('system', 'developer')`;

/**
 * Both ends of a thread in one statement, the access check included. What it reads does not grow with the thread: the
 * messages before the first that instructs nobody, and as many of the newest as fit. Without OFFSET 0 the number of that
 * first message would be compared in a filter, which under row-level security reads the whole thread.
 */
export const WINDOW = forTargets(
  { name: 'messages_window', isoTimes: true },
  'read',
  (isTarget) => `
    SELECT t.id AS thread_id, t.user_id, t.message_count AS total, s.system_prompt, s.max_tokens, EXISTS (
        SELECT 1 FROM summaries u WHERE u.org_id = $1 AND u.thread_id = t.id
      ) AS has_summaries, m.*
    FROM threads t
    LEFT JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id
    LEFT JOIN LATERAL (
      (
        SELECT true AS leads, m.* FROM (
          SELECT coalesce((
            SELECT f.seq FROM messages f
            WHERE f.org_id = $1 AND f.thread_id = t.id AND f.role NOT IN ${INSTRUCTING} ORDER BY f.seq LIMIT 1
          ), ${Number.MAX_SAFE_INTEGER}) AS seq OFFSET 0
        ) first CROSS JOIN LATERAL (
          SELECT ${OWN_COLUMNS} FROM messages m
          WHERE m.org_id = $1 AND m.thread_id = t.id AND m.seq < first.seq ORDER BY m.seq LIMIT ${MOST_LEADING}
        ) m
      ) UNION ALL
      SELECT false, ${OWN_COLUMNS} FROM (
        SELECT n.*, sum(n.token_count) OVER (ORDER BY n.seq DESC) - n.token_count AS newer FROM (
          SELECT * FROM messages m WHERE m.org_id = $1 AND m.thread_id = t.id ORDER BY m.seq DESC LIMIT $5
        ) n
      ) m
      WHERE m.newer = 0 OR coalesce(nullif(coalesce($6::bigint, s.max_tokens), 0) - $7::bigint >= m.newer, true)
    ) m ON true
    WHERE ${isTarget}
    ORDER BY m.seq`,
);

@Injectable()
export class MessageWindowsRepository {
  /** @returns `undefined` when the thread is not in sight */
  async read(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    slice: WindowSlice,
  ): Promise<MessageWindow | undefined> {
    const values = [...targetValues(principal, target), slice.limit, slice.tokens, slice.reserved];
    const lines = await tx.query<Line>(WINDOW[target.by], values);
    if (lines.length === 0) return undefined;
    const { thread_id, user_id, total, system_prompt, max_tokens, has_summaries } = lines[0];
    const rows = (leads: boolean) => lines.filter((line) => line.leads === leads).map(toRow);
    return {
      thread_id,
      user_id,
      total,
      system_prompt,
      max_tokens,
      has_summaries,
      leading: rows(true),
      rows: rows(false),
    };
  }
}

function toRow(line: Line): MessageRow {
  const {
    user_id: _user,
    total: _,
    system_prompt: _prompt,
    max_tokens: _budget,
    has_summaries: _has,
    leads: _leads,
    ...row
  } = line;
  return row;
}
