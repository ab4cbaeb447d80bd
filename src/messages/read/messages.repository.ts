import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { Order } from '../../http/request/paging';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Statement } from '../../database/door/transaction';
import {
  forTargets,
  type Target,
  targetValues,
  TOUCH,
  principalValues,
  visibleThread,
} from '../../threads/thread-access';
import type { AutoSummarize } from '../../threads/thread.entity';
import type { UnparsedRow } from './message-json';
import type { MessageRow } from '../message.entity';
import type { NewMessage } from '../append/new-message';

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

type Line<Row> = Row & Omit<MessagePage, 'rows'>;

/** As text, JSON null and absence differ by themselves. */
const UNPARSED_COLUMNS = `m.seq, m.id, m.role, m.content, m.tool_calls, m.tool_call_id, m.name, m.sender_id, m.metadata,
  m.token_count, m.cost, m.client_timestamp, m.created_at, m.updated_at`;

export const OWN_COLUMNS = `${UNPARSED_COLUMNS}, m.content IS NOT NULL AS has_content`;

/** Of `messages m`, as a `MessageRow`. */
export const MESSAGE_COLUMNS = `m.thread_id, ${OWN_COLUMNS}`;

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
      INSERT INTO messages (org_id, thread_id, seq, id, role, content, tool_calls, tool_call_id, name, sender_id,
        metadata, token_count, cost, client_timestamp, request_hash, created_at, updated_at)
      SELECT t.org_id, t.id, t.base + n, (m->>'id')::uuid, m->>'role', m->'content', m->'tool_calls',
        m->>'tool_call_id', m->>'name', m->>'sender_id', m->'metadata', (m->>'token_count')::int,
        (m->>'cost')::numeric, (m->>'client_timestamp')::timestamptz, decode(m->>'request_hash', 'hex'),
        t.updated_at, t.updated_at
      FROM thread t, input
    )
    SELECT id AS thread_id, base, message_count, version, updated_at, token_count, auto_summarize FROM thread`,
);

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
export const UNPARSED = listStatements({ name: 'messages_list_unparsed', rawJson: true }, UNPARSED_COLUMNS);

@Injectable()
export class MessagesRepository {
  /** @returns `undefined` when the thread is not in sight or at another version */
  async append(tx: TenantTx, principal: Principal, target: Target, messages: NewMessage[], version?: number) {
    const tokens = messages.reduce((sum, message) => sum + message.token_count, 0);
    const values = [...targetValues(principal, target), JSON.stringify(messages), messages.length, tokens, version];
    const rows = await tx.query<Appended>(APPEND[target.by], values);
    return rows.at(0);
  }

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

  /** Which of these tool calls were made in the thread; newest first, as a result follows its call closely. */
  async findToolCalls(tx: TenantTx, orgId: string, threadId: string, callId: string): Promise<boolean> {
    const text = `
      SELECT 1 AS found FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2
        AND m.tool_calls @> jsonb_build_array(jsonb_build_object('id', $3::text))
      ORDER BY m.seq DESC LIMIT 1`;
    return (await tx.query({ name: 'messages_find_tool_call', text }, [orgId, threadId, callId])).length > 0;
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
