import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { Json } from '../../common/json';
import type { Order } from '../../http/request/paging';
import { columnsOf } from '../../database/door/conditions';
import { makeStatement, sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { type PrincipalNames, Thread, visible } from '../../threads';
import type { MessageRow } from '../message.entity';
import { MESSAGE_COLUMNS } from '../message-columns';
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
interface Revising {
  by: string;
  keep: number;
}

type Times = 'written_at' | 'replaced_at';
type Shown = 'revision' | 'content' | 'metadata' | 'token_count' | 'cost' | 'replaced_by';

/** A revision as it is read; times are ISO texts. */
export type RevisionRow = Pick<MessageRevision, Shown> & Record<Times, string> & { has_content: boolean };

interface RevisionSlice {
  /** Number of the revision before the page. */
  after?: number;
  order: Order;
  limit: number;
  offset: number;
}

const lockStatement = (home: Home) =>
  makeStatement<PrincipalNames | 'id', Thread>(
    `${home}_lock_thread`,
    `SELECT ${columnsOf(Thread, 't')} FROM threads t JOIN ${home} m ON m.org_id = t.org_id AND m.thread_id = t.id
    WHERE ${visible('t', 'write')} AND m.org_id = :orgId AND m.id = :id
    ${home === 'messages' ? '' : 'ORDER BY m.deleted_at DESC'} LIMIT 1 FOR UPDATE OF t`,
  );

const readOnlyStatement = (home: Home) =>
  makeStatement<PrincipalNames | 'id', Pick<Thread, 'id'>>(
    `${home}_find_read_only`,
    `SELECT t.id FROM threads t JOIN ${home} m ON m.org_id = t.org_id AND m.thread_id = t.id
    WHERE ${visible('t')} AND NOT (${visible('t', 'write')}) AND m.org_id = :orgId AND m.id = :id LIMIT 1`,
  );

const LOCKS = { messages: lockStatement('messages'), deleted_messages: lockStatement('deleted_messages') };
const READ_ONLY = { messages: readOnlyStatement('messages'), deleted_messages: readOnlyStatement('deleted_messages') };

const FIND = sql<'orgId' | 'id', MessageRow>('messages_find_locked', { isoTimes: true })`
  SELECT ${MESSAGE_COLUMNS} FROM messages m WHERE m.org_id = :orgId AND m.id = :id`;

type UpdateNames = 'orgId' | 'id' | 'content' | 'metadata' | 'tokens' | 'cost' | 'by' | 'keep';

const UPDATE = sql<UpdateNames, MessageRow>('messages_update', { isoTimes: true })`
  WITH old AS (
    SELECT m.*, 1 + coalesce((
      SELECT max(v.revision) FROM message_revisions v
      WHERE v.org_id = :orgId AND v.thread_id = m.thread_id AND v.message_id = m.id), 0) AS revision
    FROM messages m WHERE m.org_id = :orgId AND m.id = :id
  ), kept AS (
    INSERT INTO message_revisions (org_id, thread_id, message_id, revision, content, metadata, token_count, cost,
      written_at, replaced_at, replaced_by)
    SELECT o.org_id, o.thread_id, o.id, o.revision, o.content, o.metadata, o.token_count, o.cost, o.updated_at,
      greatest(clock_timestamp(), o.updated_at + interval '1 ms'), :by FROM old o WHERE :keep::int > 0
  ), trimmed AS (
    DELETE FROM message_revisions v USING old o
    WHERE v.org_id = :orgId AND v.thread_id = o.thread_id AND v.message_id = o.id
      AND v.revision <= o.revision - :keep::int
  )
  UPDATE messages m SET content = CASE WHEN :content::text IS NULL THEN m.content ELSE :content::jsonb END,
    metadata = CASE WHEN :metadata::jsonb IS NULL THEN m.metadata ELSE throughline_merge_patch(m.metadata, :metadata) END,
    token_count = :tokens, cost = :cost::numeric,
    updated_at = greatest(clock_timestamp(), m.updated_at + interval '1 ms')
  WHERE m.org_id = :orgId AND m.id = :id RETURNING ${MESSAGE_COLUMNS}`;

type RevisionNames = PrincipalNames | 'id' | 'after' | 'limit' | 'offset';

/* A message that is in the trash may have had the same id: what was replaced before this one was stored is of that one. */
const revisionsStatement = (order: Order, isAfter: string) =>
  makeStatement<RevisionNames, RevisionRow>(
    `messages_revisions_${order}`,
    `SELECT v.* FROM messages m
    JOIN threads t ON t.org_id = m.org_id AND t.id = m.thread_id AND ${visible('t', 'write')}
    LEFT JOIN LATERAL (
      SELECT v.revision, v.content IS NOT NULL AS has_content, v.content, v.metadata, v.token_count, v.cost, v.written_at,
        v.replaced_at, v.replaced_by
      FROM message_revisions v WHERE v.org_id = :orgId AND v.thread_id = m.thread_id AND v.message_id = m.id
        AND v.replaced_at > m.created_at AND (:after::bigint IS NULL OR v.revision ${isAfter} :after::bigint)
      ORDER BY v.revision ${order} LIMIT :limit OFFSET :offset
    ) v ON true
    WHERE m.org_id = :orgId AND m.id = :id ORDER BY v.revision ${order}`,
    { isoTimes: true },
  );

const REVISIONS = { asc: revisionsStatement('asc', '>'), desc: revisionsStatement('desc', '<') } as const;

/** Edits. They work under the lock of the thread, taken first, so that they cannot deadlock. */
@Injectable()
export class EditsRepository {
  /** The thread of a message that the caller may write to, held until the transaction ends. */
  async lockThreadOf(tx: TenantTx, principal: Principal, id: string, home: Home): Promise<Thread | undefined> {
    return (await tx.query(LOCKS[home], { ...principal, id })).at(0);
  }

  /** @returns the id of the message's thread if the caller may read it and not write to it */
  async readOnlyThreadOf(tx: TenantTx, principal: Principal, id: string, home: Home): Promise<string | undefined> {
    return (await tx.query(READ_ONLY[home], { ...principal, id })).at(0)?.id;
  }

  /** Read after the lock was taken: what a writer before us left. */
  async find(tx: TenantTx, orgId: string, id: string): Promise<MessageRow | undefined> {
    return (await tx.query(FIND, { orgId, id })).at(0);
  }

  /** Keeps what the message was as a revision, in the same statement. @returns the message as it is now */
  async update(
    tx: TenantTx,
    orgId: string,
    id: string,
    change: MessageChange,
    { by, keep }: Revising,
  ): Promise<MessageRow> {
    const content = change.content === undefined ? null : JSON.stringify(change.content);
    const metadata = change.metadata === undefined ? null : JSON.stringify(change.metadata);
    const { token_count: tokens, cost } = change;
    const [row] = await tx.query(UPDATE, { orgId, id, content, metadata, tokens, cost, by, keep });
    return row;
  }

  /** What a message was before its edits. @returns `undefined` when the caller may not write to the message */
  async listRevisions(
    tx: TenantTx,
    principal: Principal,
    id: string,
    { after, order, limit, offset }: RevisionSlice,
  ): Promise<RevisionRow[] | undefined> {
    const rows = await tx.query(REVISIONS[order], { ...principal, id, after, limit, offset });
    return rows.length === 0 ? undefined : rows.filter(({ revision }) => revision !== null);
  }
}
