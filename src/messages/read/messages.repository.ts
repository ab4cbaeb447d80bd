import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { Order } from '../../http/request/paging';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Statement } from '../../database/door/transaction';
import { forTargets, type Target, targetValues, principalValues, visibleThread } from '../../threads/thread-access';
import type { UnparsedRow } from './message-json';
import type { MessageRow } from '../message.entity';

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
