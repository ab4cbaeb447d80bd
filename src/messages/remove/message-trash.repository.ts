import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { Order } from '../../http/request/paging';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Target } from '../../threads/target';
import { forTargets, targetValues, WRITTEN_AT } from '../../threads/thread-access';
import type { Thread } from '../../threads/thread.entity';
import type { DeletedMessage, RemovalReason } from './deleted-message.entity';
import { isIn, REMOVED, type Removed, type SeqRange } from './message-removals.repository';
import type { MessageRow } from '../message.entity';
import { OWN_COLUMNS } from '../read/messages.repository';

/** How messages go to the trash. */
export interface Removal {
  id: string;
  reason: RemovalReason;
  by: string;
}

/** Which messages of a thread's trash; absent: any. */
export interface Trashed {
  removalId?: string;
  messageId?: string;
}

/** A message in the trash; times are ISO texts. */
export type TrashRow = MessageRow &
  Pick<DeletedMessage, 'removal_id' | 'reason' | 'deleted_by'> & { deleted_at: string };

export interface TrashSlice {
  /** Removal and number of the one before the page. */
  after?: { removal_id: string; seq: number };
  order: Order;
  limit: number;
  offset: number;
}

/** All that comes back of a message. */
const KEPT =
  'org_id thread_id seq id role content tool_calls tool_call_id name sender_id metadata token_count cost client_timestamp request_hash created_at updated_at'.split(
    ' ',
  );
const keptOf = (alias: string) => KEPT.map((column) => `${alias}.${column}`).join(', ');

const listStatement = (order: Order, isAfter: string) =>
  forTargets(
    { name: `messages_trash_${order}`, isoTimes: true },
    'write',
    (isTarget) => `
    SELECT t.id AS thread_id, m.* FROM threads t LEFT JOIN LATERAL (
      SELECT ${OWN_COLUMNS}, m.removal_id, m.reason, m.deleted_by, m.deleted_at FROM deleted_messages m
      WHERE m.org_id = $1 AND m.thread_id = t.id
        AND ($5::uuid IS NULL OR (m.removal_id, m.seq) ${isAfter} ($5::uuid, $6::bigint))
      ORDER BY m.removal_id ${order}, m.seq ${order} LIMIT $7 OFFSET $8
    ) m ON true
    WHERE ${isTarget} ORDER BY m.removal_id ${order}, m.seq ${order}`,
  );

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

/** Messages on their way to the trash, in it, and out of it. Their thread is held. */
@Injectable()
export class MessageTrashRepository {
  /** One removal after the other; `undefined` when the caller may not write to the thread. */
  async list(tx: TenantTx, principal: Principal, target: Target, slice: TrashSlice): Promise<TrashRow[] | undefined> {
    const { after, order, limit, offset } = slice;
    const values = [...targetValues(principal, target), after?.removal_id, after?.seq, limit, offset];
    const rows = await tx.query<TrashRow>(LISTS[order][target.by], values);
    return rows.length === 0 ? undefined : rows.filter(({ seq }) => seq !== null);
  }

  /** Moves a range to the trash, in one statement. */
  async move(tx: TenantTx, thread: Thread, { from = 0, to }: SeqRange, { id, reason, by }: Removal): Promise<Removed> {
    const text = `
      WITH gone AS (
        DELETE FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq >= $3 AND ($4::bigint IS NULL OR m.seq <= $4)
        RETURNING ${keptOf('m')}
      ), moved AS (
        INSERT INTO deleted_messages (${KEPT.join(', ')}, removal_id, reason, thread_last_seq, deleted_by, deleted_at)
        SELECT ${keptOf('gone')}, $5, $6, t.last_seq, $7, ${WRITTEN_AT}
        FROM gone JOIN threads t ON t.org_id = gone.org_id AND t.id = gone.thread_id
      )
      ${REMOVED}`;
    const values = [thread.org_id, thread.id, from, to, id, reason, by];
    return (await tx.query<Removed>({ name: 'messages_move_to_trash', text }, values))[0];
  }

  /**
   * Puts messages back at their numbers, in one statement; not those whose id is in use again. Of several under one id, the
   * one that was deleted last.
   * @returns what was put back, and in `left` how many of these stay in the trash
   */
  async putBack(tx: TenantTx, thread: Thread, { removalId, messageId }: Trashed): Promise<Removed & { left: number }> {
    const text = `
      WITH found AS (
        SELECT d.id, d.seq, d.deleted_at FROM deleted_messages d
        WHERE d.org_id = $1 AND d.thread_id = $2 AND ($3::uuid IS NULL OR d.removal_id = $3)
          AND ($4::uuid IS NULL OR d.id = $4)
      ), chosen AS (
        SELECT DISTINCT ON (d.id) d.seq FROM found d
        WHERE NOT EXISTS (SELECT FROM messages m WHERE m.org_id = $1 AND m.id = d.id) ORDER BY d.id, d.deleted_at DESC
      ), gone AS (
        DELETE FROM deleted_messages d
        WHERE d.org_id = $1 AND d.thread_id = $2 AND ${isIn('d.seq', 'SELECT c.seq FROM chosen c')} RETURNING ${keptOf('d')}
      ), stored AS (
        INSERT INTO messages (${KEPT.join(', ')}) SELECT ${keptOf('gone')} FROM gone
      )
      SELECT r.*, (SELECT count(*) FROM found) - r.messages AS "left" FROM (${REMOVED}) r`;
    const values = [thread.org_id, thread.id, removalId, messageId];
    return (await tx.query<Removed & { left: number }>({ name: 'messages_put_back', text }, values))[0];
  }

  /** Removes a message, or all, from the trash for good, with its revisions, wherever it is. @returns how many were in the trash */
  erase(tx: TenantTx, thread: Thread, messageId?: string): Promise<number> {
    const text = `
      WITH revisions AS (
        DELETE FROM message_revisions v WHERE v.org_id = $1 AND v.thread_id = $2 AND ($3::uuid IS NULL OR v.message_id = $3)
      )
      DELETE FROM deleted_messages d WHERE d.org_id = $1 AND d.thread_id = $2 AND ($3::uuid IS NULL OR d.id = $3)`;
    return tx.execute({ name: 'messages_erase_trash', text }, [thread.org_id, thread.id, messageId]);
  }

  /** What was undone stays in the trash, and no redo brings it back any more. */
  async endRedo(tx: TenantTx, thread: Thread): Promise<void> {
    const text = `
      UPDATE deleted_messages d SET reason = 'deleted' WHERE d.org_id = $1 AND d.thread_id = $2 AND d.reason = 'undone'`;
    await tx.execute({ name: 'messages_end_redo', text }, [thread.org_id, thread.id]);
  }
}
