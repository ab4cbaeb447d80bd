import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { Order } from '../../http/request/paging';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { type PrincipalNames, sqlForTarget, type Target, type Thread, visible } from '../../threads';
import { MESSAGE_COLUMNS, OWN_COLUMNS } from '../message-columns';
import type { MessageRow } from '../message.entity';
import { type Lists, LISTS, UNPARSED } from './message-lists';
import { MAX_PAGE_BYTES, sizeOf, withheld, withinBytes } from './page-bytes';

export interface MessageSlice {
  afterSeq?: number;
  beforeSeq?: number;
  from?: Date;
  to?: Date;
  createdBy?: string;
  order: Order;
  limit: number;
  offset: number;
  /** The thread's version that the caller has seen: at this version no rows are read. */
  known?: number;
  /**
   * A page is bounded by bytes. `shared`: a row that is larger than its part of them comes without content; rare, and then
   * `counted`, which costs more: as many rows as there is room for. Absent: no bound.
   */
  bytes?: 'shared' | 'counted';
}

/** Rows of a page, with what the thread says of itself. */
export interface MessagePage<Row = MessageRow> {
  total: number;
  version: number;
  rows: Row[];
}

/** How far back the newest messages are read. */
export interface ContextSlice {
  limit: number;
  /** Tokens, as stored, from which on no older one is read; undefined: the budget of the session, 0: none. */
  tokens?: number;
  /** Tokens of that budget that are spoken for. */
  reserved: number;
}

/** A thread seen from its end, with how it begins; and what its session, if it has one, says of its contexts. */
export interface ContextWindow {
  thread_id: string;
  user_id: string;
  total: number;
  system_prompt: string | null;
  max_tokens: number | null;
  has_summaries: boolean;
  /** A page holds no more: there are older ones that were not read for that. */
  is_full: boolean;
  /** System messages before all others, oldest first. */
  leading: MessageRow[];
  /** The newest, oldest first; they may be among the leading ones. */
  rows: MessageRow[];
}

type Outlined = 'seq' | 'id' | 'role' | 'tool_calls' | 'tool_call_id' | 'token_count' | 'updated_at';

/** A message without its content. */
export type OutlineRow = Pick<MessageRow, Outlined> & {
  /** `metadata.summary`: what a message that stands for others says of them. */
  summary: unknown;
};

export type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

/** The names of the parameters that say which thread it is; `threadValues` has the values. */
export type ThreadNames = 'orgId' | 'threadId';

export const threadValues = ({ org_id: orgId, id: threadId }: ThreadKey) => ({ orgId, threadId });

type WindowLine = MessageRow &
  Omit<ContextWindow, 'leading' | 'rows' | 'is_full'> & { leads: boolean | null; large: boolean | null };

const MAX_LEADING = 100;
const INSTRUCTING = `('system', 'developer')`;

/**
 * Both ends of a thread in one statement, the access check included. What it reads does not grow with the thread: the
 * messages before the first that instructs nobody, and as many of the newest as fit. Without OFFSET 0 the number of that
 * first message would be compared in a filter, which under row-level security reads the whole thread.
 */
export const WINDOW = sqlForTarget<'limit' | 'tokens' | 'reserved', WindowLine>('messages_window', 'read', {
  isoTimes: true,
})(
  (isTarget) => `
    SELECT t.id AS thread_id, t.user_id, t.message_count AS total, s.system_prompt, s.max_tokens, EXISTS (
        SELECT 1 FROM summaries u WHERE u.org_id = :orgId AND u.thread_id = t.id
      ) AS has_summaries, m.*
    FROM threads t
    LEFT JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id
    LEFT JOIN LATERAL (
      (
        SELECT true AS leads, NULL AS large, m.* FROM (
          SELECT coalesce((
            SELECT f.seq FROM messages f
            WHERE f.org_id = :orgId AND f.thread_id = t.id AND f.role NOT IN ${INSTRUCTING} ORDER BY f.seq LIMIT 1
          ), ${Number.MAX_SAFE_INTEGER}) AS seq OFFSET 0
        ) first CROSS JOIN LATERAL (
          SELECT ${OWN_COLUMNS} FROM (
            SELECT n.*, sum(n.size) OVER (ORDER BY n.seq) - n.size AS bytes FROM (
              SELECT m.*, ${sizeOf('m')} AS size FROM messages m
              WHERE m.org_id = :orgId AND m.thread_id = t.id AND m.seq < first.seq ORDER BY m.seq LIMIT ${MAX_LEADING}
            ) n
          ) m WHERE m.bytes < ${MAX_PAGE_BYTES}
        ) m
      ) UNION ALL
      SELECT false, m.large, ${withheld(OWN_COLUMNS)} FROM (
        SELECT n.*, sum(n.token_count) OVER (ORDER BY n.seq DESC) - n.token_count AS newer FROM (${withinBytes(
          `SELECT m.* FROM messages m WHERE m.org_id = :orgId AND m.thread_id = t.id ORDER BY m.seq DESC LIMIT :limit`,
          'n.seq DESC',
        )}) n
      ) m
      WHERE m.newer = 0 OR coalesce(nullif(coalesce(:tokens::bigint, s.max_tokens), 0) - :reserved::bigint >= m.newer, true)
    ) m ON true
    WHERE ${isTarget}
    ORDER BY m.seq`,
);

const FIND = sql<PrincipalNames | 'id', MessageRow>('messages_find', { isoTimes: true })`
  SELECT ${MESSAGE_COLUMNS} FROM messages m
  JOIN threads t ON t.org_id = m.org_id AND t.id = m.thread_id AND ${visible('t')}
  WHERE m.org_id = :orgId AND m.id = :id`;

const OUTLINE = sql<ThreadNames | 'afterSeq' | 'limit', OutlineRow>('messages_outline', { isoTimes: true })`
  SELECT m.seq, m.id, m.role, m.tool_calls, m.tool_call_id, m.token_count, m.updated_at, m.metadata->'summary' AS summary
  FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId AND m.seq > :afterSeq ORDER BY m.seq LIMIT :limit`;

@Injectable()
export class MessagesRepository {
  /**
   * One page and the thread's totals in one statement, the access check included.
   * @returns `undefined` when the thread is not in sight
   */
  async list(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    slice: MessageSlice,
  ): Promise<MessagePage | undefined> {
    const page = await this.read(tx, LISTS, principal, target, slice);
    // Not sent with every row where the request has said it.
    if (page && target.by === 'thread') for (const row of page.rows) row.thread_id = target.id;
    return page;
  }

  /** The same for `toMessageJson`. */
  listUnparsed(tx: TenantTx, principal: Principal, target: Target, slice: MessageSlice) {
    return this.read(tx, UNPARSED, principal, target, slice);
  }

  /** @returns the message if its thread is in the caller's sight */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<MessageRow | undefined> {
    return (await tx.query(FIND, { ...principal, id }))[0];
  }

  /** The messages after a number, oldest first. */
  outline(tx: TenantTx, thread: ThreadKey, afterSeq: number, limit?: number): Promise<OutlineRow[]> {
    return tx.query(OUTLINE, { ...threadValues(thread), afterSeq, limit });
  }

  /** Both ends of a thread. @returns `undefined` when it is not in sight */
  async contextWindow(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    slice: ContextSlice,
  ): Promise<ContextWindow | undefined> {
    const { limit, tokens, reserved } = slice;
    const lines = await tx.query(WINDOW[target.by], { ...principal, target: target.id, limit, tokens, reserved });
    if (lines.length === 0) return undefined;
    const { thread_id, user_id, total, system_prompt, max_tokens, has_summaries } = lines[0];
    const whole = lines.filter(({ large }) => !large);
    const rows = (leads: boolean) => whole.filter((line) => line.leads === leads).map(toRow);
    return {
      thread_id,
      user_id,
      total,
      system_prompt,
      max_tokens,
      has_summaries,
      is_full: whole.length < lines.length,
      leading: rows(true),
      rows: rows(false),
    };
  }

  private async read<Row extends Pick<MessageRow, 'seq'>>(
    tx: TenantTx,
    lists: Lists<Row>,
    principal: Principal,
    target: Target,
    slice: MessageSlice,
  ): Promise<MessagePage<Row> | undefined> {
    const { afterSeq = 0, beforeSeq = Number.MAX_SAFE_INTEGER, bytes, order, ...others } = slice;
    const { from, to, createdBy, limit, offset, known } = others;
    const part = bytes && Math.floor(MAX_PAGE_BYTES / Math.max(1, limit));
    const values = { ...principal, target: target.id, afterSeq, beforeSeq, from, to, createdBy, limit, offset, known };
    const statement = lists[order][bytes ?? 'shared'][target.by];
    const lines = await tx.query(statement, { ...values, part });
    if (lines.length === 0) return undefined;
    const { total, version } = lines[0];
    // A thread without messages is one line of nulls.
    return { total, version, rows: lines[0].seq === null ? [] : lines };
  }
}

function toRow(line: WindowLine): MessageRow {
  const {
    user_id: _user,
    total: _,
    system_prompt: _prompt,
    max_tokens: _budget,
    has_summaries: _has,
    leads: _leads,
    large: _large,
    ...row
  } = line;
  return row;
}
