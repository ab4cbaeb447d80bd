import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { Json } from '../../common/json';
import type { Order } from '../../http/request/paging';
import type { TenantTx } from '../../database/door/tenant-database';
import { principalValues, visibleThread } from '../../threads/thread-access';
import type { Thread } from '../../threads/thread.entity';
import type { MessageRow } from '../message.entity';
import { MESSAGE_COLUMNS } from '../read/messages.repository';
import type { MessageRevision } from './message-revision.entity';

export interface MessageChange {
  /** `undefined`: the content stays. */
  content?: Json;
  metadata?: Record<string, unknown>;
  token_count: number;
  cost: string;
}

/** Where a message is: there, or in the trash. */
export type Home = 'messages' | 'deleted_messages';

/** Who edits, and how many earlier versions of a message are kept. */
export interface Revising {
  by: string;
  keep: number;
}

type Times = 'written_at' | 'replaced_at';
type Shown = 'revision' | 'content' | 'metadata' | 'token_count' | 'cost' | 'replaced_by';

/** A revision as it is read; times are ISO texts. */
export type RevisionRow = Pick<MessageRevision, Shown> & Record<Times, string> & { has_content: boolean };

export interface RevisionSlice {
  /** Number of the revision before the page. */
  after?: number;
  order: Order;
  limit: number;
  offset: number;
}

const lockStatement = (home: Home) => ({
  name: `${home}_lock_thread`,
  text: `
    SELECT t.* FROM threads t JOIN ${home} m ON m.org_id = t.org_id AND m.thread_id = t.id
    WHERE ${visibleThread('t', 1, 'write')} AND m.org_id = $1 AND m.id = $4
    ${home === 'messages' ? '' : 'ORDER BY m.deleted_at DESC'} LIMIT 1 FOR UPDATE OF t`,
});

const readOnlyStatement = (home: Home) => ({
  name: `${home}_find_read_only`,
  text: `
    SELECT t.id FROM threads t JOIN ${home} m ON m.org_id = t.org_id AND m.thread_id = t.id
    WHERE ${visibleThread('t', 1)} AND NOT (${visibleThread('t', 1, 'write')}) AND m.org_id = $1 AND m.id = $4 LIMIT 1`,
});

const LOCKS = { messages: lockStatement('messages'), deleted_messages: lockStatement('deleted_messages') };
const READ_ONLY = { messages: readOnlyStatement('messages'), deleted_messages: readOnlyStatement('deleted_messages') };

/* A message that is in the trash may have had the same id: what was replaced before this one was stored is of that one. */
const listStatement = (order: Order, isAfter: string) => ({
  name: `messages_revisions_${order}`,
  isoTimes: true,
  text: `
    SELECT v.* FROM messages m JOIN threads t ON t.org_id = m.org_id AND t.id = m.thread_id AND ${visibleThread('t', 1, 'write')}
    LEFT JOIN LATERAL (
      SELECT v.revision, v.content IS NOT NULL AS has_content, v.content, v.metadata, v.token_count, v.cost, v.written_at,
        v.replaced_at, v.replaced_by
      FROM message_revisions v WHERE v.org_id = $1 AND v.thread_id = m.thread_id AND v.message_id = m.id
        AND v.replaced_at > m.created_at AND ($5::bigint IS NULL OR v.revision ${isAfter} $5::bigint)
      ORDER BY v.revision ${order} LIMIT $6 OFFSET $7
    ) v ON true
    WHERE m.org_id = $1 AND m.id = $4 ORDER BY v.revision ${order}`,
});

const REVISIONS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

/** Edits. They work under the lock of the thread, taken first, so that they cannot deadlock. */
@Injectable()
export class EditsRepository {
  /** The thread of a message that the caller may write to, held until the transaction ends. */
  async lockThreadOf(tx: TenantTx, principal: Principal, id: string, home: Home): Promise<Thread | undefined> {
    return (await tx.query<Thread>(LOCKS[home], [...principalValues(principal), id]))[0];
  }

  /** @returns the id of the message's thread if the caller may read it and not write to it */
  async readOnlyThreadOf(tx: TenantTx, principal: Principal, id: string, home: Home): Promise<string | undefined> {
    return (await tx.query<Thread>(READ_ONLY[home], [...principalValues(principal), id])).at(0)?.id;
  }

  /** Read after the lock was taken: what a writer before us left. */
  async find(tx: TenantTx, orgId: string, id: string): Promise<MessageRow | undefined> {
    const text = `SELECT ${MESSAGE_COLUMNS} FROM messages m WHERE m.org_id = $1 AND m.id = $2`;
    const rows = await tx.query<MessageRow>({ name: 'messages_find_locked', text, isoTimes: true }, [orgId, id]);
    return rows[0];
  }

  /** Keeps what the message was as a revision, in the same statement. @returns the message as it is now */
  async update(
    tx: TenantTx,
    orgId: string,
    id: string,
    change: MessageChange,
    { by, keep }: Revising,
  ): Promise<MessageRow> {
    const text = `
      WITH old AS (
        SELECT m.*, 1 + coalesce((
          SELECT max(v.revision) FROM message_revisions v
          WHERE v.org_id = $1 AND v.thread_id = m.thread_id AND v.message_id = m.id), 0) AS revision
        FROM messages m WHERE m.org_id = $1 AND m.id = $2
      ), kept AS (
        INSERT INTO message_revisions (org_id, thread_id, message_id, revision, content, metadata, token_count, cost,
          written_at, replaced_at, replaced_by)
        SELECT o.org_id, o.thread_id, o.id, o.revision, o.content, o.metadata, o.token_count, o.cost, o.updated_at,
          greatest(clock_timestamp(), o.updated_at + interval '1 ms'), $7 FROM old o WHERE $8::int > 0
      ), trimmed AS (
        DELETE FROM message_revisions v USING old o
        WHERE v.org_id = $1 AND v.thread_id = o.thread_id AND v.message_id = o.id AND v.revision <= o.revision - $8::int
      )
      UPDATE messages m SET content = CASE WHEN $3::text IS NULL THEN m.content ELSE $3::jsonb END,
        metadata = CASE WHEN $4::jsonb IS NULL THEN m.metadata ELSE throughline_merge_patch(m.metadata, $4) END,
        token_count = $5, cost = $6::numeric,
        updated_at = greatest(clock_timestamp(), m.updated_at + interval '1 ms')
      WHERE m.org_id = $1 AND m.id = $2 RETURNING ${MESSAGE_COLUMNS}`;
    const content = change.content === undefined ? null : JSON.stringify(change.content);
    const metadata = change.metadata === undefined ? null : JSON.stringify(change.metadata);
    const values = [orgId, id, content, metadata, change.token_count, change.cost, by, keep];
    const [row] = await tx.query<MessageRow>({ name: 'messages_update', text, isoTimes: true }, values);
    return row;
  }

  /** What a message was before its edits. @returns `undefined` when the caller may not write to the message */
  async listRevisions(
    tx: TenantTx,
    principal: Principal,
    id: string,
    slice: RevisionSlice,
  ): Promise<RevisionRow[] | undefined> {
    const { after, order, limit, offset } = slice;
    const rows = await tx.query<RevisionRow>(REVISIONS[order], [
      ...principalValues(principal),
      id,
      after,
      limit,
      offset,
    ]);
    return rows.length === 0 ? undefined : rows.filter(({ revision }) => revision !== null);
  }
}
