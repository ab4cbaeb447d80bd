import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { Order } from '../../http/request/paging';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Statement } from '../../database/door/transaction';
import { forTargets, principalValues, type Target, targetValues, type Thread, visibleThread } from '../../threads';
import { MESSAGE_COLUMNS, OWN_COLUMNS, UNPARSED_COLUMNS } from '../message-columns';
import type { MessageRow } from '../message.entity';
import type { UnparsedRow } from '../message-views';

export interface MessageSlice {
  afterSeq?: number;
  beforeSeq?: number;
  from?: Date;
  to?: Date;
  order: Order;
  limit: number;
  offset: number;
  /** The thread's version that the caller has seen: at this version no rows are read. */
  known?: number;
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

type Line<Row> = Row & Omit<MessagePage, 'rows'>;
type WindowLine = MessageRow & Omit<ContextWindow, 'leading' | 'rows'> & { leads: boolean | null };

const listStatement = (order: Order, { name, ...kind }: Omit<Statement, 'text'>, columns: string) =>
  forTargets(
    { name: `${name}_${order}`, ...kind },
    'read',
    (isTarget, by) => `
    SELECT t.message_count AS total, t.version, ${by === 'session' ? 't.id AS thread_id,' : ''} m.*
    FROM threads t LEFT JOIN LATERAL (
      SELECT ${columns} FROM messages m
      WHERE m.org_id = $1 AND m.thread_id = t.id AND m.seq > $5 AND m.seq < $6
        AND ($11::bigint IS NULL OR t.version <> $11)
        AND ($7::timestamptz IS NULL OR m.created_at >= $7) AND ($8::timestamptz IS NULL OR m.created_at < $8)
      ORDER BY m.seq ${order} LIMIT $9 OFFSET $10
    ) m ON true
    WHERE ${isTarget}
    ORDER BY m.seq ${order}`,
  );

const listStatements = (kind: Omit<Statement, 'text'>, columns: string) => ({
  asc: listStatement('asc', kind, columns),
  desc: listStatement('desc', kind, columns),
});

export const LISTS = listStatements({ name: 'messages_list', isoTimes: true }, OWN_COLUMNS);
const UNPARSED = listStatements({ name: 'messages_list_unparsed', rawJson: true }, UNPARSED_COLUMNS);

const MAX_LEADING = 100;
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
          WHERE m.org_id = $1 AND m.thread_id = t.id AND m.seq < first.seq ORDER BY m.seq LIMIT ${MAX_LEADING}
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
    const page = await this.read<MessageRow>(tx, LISTS[slice.order][target.by], targetValues(principal, target), slice);
    // Not sent with every row where the request has said it.
    if (page && target.by === 'thread') for (const row of page.rows) row.thread_id = target.id;
    return page;
  }

  /** The same for `toMessageJson`. */
  listUnparsed(tx: TenantTx, principal: Principal, target: Target, slice: MessageSlice) {
    return this.read<UnparsedRow>(tx, UNPARSED[slice.order][target.by], targetValues(principal, target), slice);
  }

  /** @returns the message if its thread is in the caller's sight */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<MessageRow | undefined> {
    const text = `
      SELECT ${MESSAGE_COLUMNS} FROM messages m
      JOIN threads t ON t.org_id = m.org_id AND t.id = m.thread_id AND ${visibleThread('t', 1)}
      WHERE m.org_id = $1 AND m.id = $4`;
    const rows = await tx.query<MessageRow>({ name: 'messages_find', text, isoTimes: true }, [
      ...principalValues(principal),
      id,
    ]);
    return rows[0];
  }

  /** The messages after a number, oldest first. */
  outline(tx: TenantTx, thread: ThreadKey, afterSeq: number, limit?: number): Promise<OutlineRow[]> {
    const text = `
      SELECT m.seq, m.id, m.role, m.tool_calls, m.tool_call_id, m.token_count, m.updated_at, m.metadata->'summary' AS summary
      FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq > $3 ORDER BY m.seq LIMIT $4`;
    const values = [thread.org_id, thread.id, afterSeq, limit];
    return tx.query({ name: 'messages_outline', text, isoTimes: true }, values);
  }

  /** Both ends of a thread. @returns `undefined` when it is not in sight */
  async contextWindow(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    slice: ContextSlice,
  ): Promise<ContextWindow | undefined> {
    const values = [...targetValues(principal, target), slice.limit, slice.tokens, slice.reserved];
    const lines = await tx.query<WindowLine>(WINDOW[target.by], values);
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

  private async read<Row extends Pick<MessageRow, 'seq'>>(
    tx: TenantTx,
    statement: Statement,
    wanted: ReturnType<typeof targetValues>,
    slice: MessageSlice,
  ): Promise<MessagePage<Row> | undefined> {
    const { afterSeq = 0, beforeSeq = Number.MAX_SAFE_INTEGER, from, to, limit, offset, known } = slice;
    const values = [...wanted, afterSeq, beforeSeq, from, to, limit, offset, known];
    const lines = await tx.query<Line<Row>>(statement, values);
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
    ...row
  } = line;
  return row;
}
