import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { Json } from '../../common/json';
import type { TenantTx } from '../../database/door/tenant-database';
import { principalValues, visibleThread } from '../../threads/thread-access';
import type { Thread } from '../../threads/thread.entity';
import type { MessageRow } from '../message.entity';
import { MESSAGE_COLUMNS } from '../read/messages.repository';

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

/** Edits. They work under the lock of the thread, taken first, so that they cannot deadlock. */
@Injectable()
export class MessageEditsRepository {
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
}
