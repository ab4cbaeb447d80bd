import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { Order } from '../../http/request/paging';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { sqlForTarget, type Target, type Thread, WRITTEN_AT } from '../../threads';
import type { DeletedMessage, RemovalReason } from './deleted-message.entity';
import { isIn, MAX_SET, REMOVED, type Removed, type SeqRange, setBySet } from './message-removals.repository';
import type { MessageRow } from '../message.entity';
import { OWN_COLUMNS, STORED } from '../message-columns';
import { type ThreadNames, threadValues } from '../read/messages.repository';
import { withheld, withinBytes } from '../read/page-bytes';

/** How messages go to the trash. */
interface Removal {
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

interface TrashSlice {
  /** Removal and number of the one before the page. */
  after?: { removal_id: string; seq: number };
  order: Order;
  limit: number;
  offset: number;
}

/** All that comes back of a message. */
const keptOf = (alias: string) => STORED.map((column) => `${alias}.${column}`).join(', ');

const listStatement = (order: Order, isAfter: string) =>
  sqlForTarget<'removalId' | 'seq' | 'limit' | 'offset', TrashRow>(`messages_trash_${order}`, 'write', {
    isoTimes: true,
  })(
    (isTarget) => `
    SELECT t.id AS thread_id, m.* FROM threads t LEFT JOIN LATERAL (
      SELECT ${withheld(OWN_COLUMNS)}, m.removal_id, m.reason, m.deleted_by, m.deleted_at, m.large FROM (${withinBytes(
        `SELECT m.* FROM deleted_messages m
        WHERE m.org_id = :orgId AND m.thread_id = t.id
          AND (:removalId::uuid IS NULL OR (m.removal_id, m.seq) ${isAfter} (:removalId::uuid, :seq::bigint))
        ORDER BY m.removal_id ${order}, m.seq ${order} LIMIT :limit OFFSET :offset`,
        `n.removal_id ${order}, n.seq ${order}`,
      )}) m
    ) m ON true
    WHERE ${isTarget} ORDER BY m.removal_id ${order}, m.seq ${order}`,
  );

const LISTS = { asc: listStatement('asc', '>'), desc: listStatement('desc', '<') } as const;

const MOVE = sql<ThreadNames | 'from' | 'to' | 'removalId' | 'reason' | 'by' | 'limit', Removed>(
  'messages_move_to_trash',
)`
  WITH gone AS (
    DELETE FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId AND m.seq = ANY (ARRAY(
      SELECT m.seq FROM messages m
      WHERE m.org_id = :orgId AND m.thread_id = :threadId AND m.seq >= :from AND (:to::bigint IS NULL OR m.seq <= :to)
      ORDER BY m.seq LIMIT :limit
    )) RETURNING ${keptOf('m')}
  ), moved AS (
    INSERT INTO deleted_messages (${STORED.join(', ')}, removal_id, reason, thread_last_seq, deleted_by, deleted_at)
    SELECT ${keptOf('gone')}, :removalId, :reason, t.last_seq, :by, ${WRITTEN_AT}
    FROM gone JOIN threads t ON t.org_id = gone.org_id AND t.id = gone.thread_id
  )
  ${REMOVED}`;

const PUT_BACK = sql<ThreadNames | 'removalId' | 'messageId', Removed & { left: number }>('messages_put_back')`
  WITH found AS (
    SELECT d.id, d.seq, d.deleted_at FROM deleted_messages d
    WHERE d.org_id = :orgId AND d.thread_id = :threadId AND (:removalId::uuid IS NULL OR d.removal_id = :removalId)
      AND (:messageId::uuid IS NULL OR d.id = :messageId)
  ), chosen AS (
    SELECT DISTINCT ON (d.id) d.seq FROM found d
    WHERE NOT EXISTS (SELECT FROM messages m WHERE m.org_id = :orgId AND m.id = d.id) ORDER BY d.id, d.deleted_at DESC
  ), gone AS (
    DELETE FROM deleted_messages d
    WHERE d.org_id = :orgId AND d.thread_id = :threadId AND ${isIn('d.seq', 'SELECT c.seq FROM chosen c')}
    RETURNING ${keptOf('d')}
  ), stored AS (
    INSERT INTO messages (${STORED.join(', ')}) SELECT ${keptOf('gone')} FROM gone
  )
  SELECT r.*, (SELECT count(*) FROM found) - r.messages AS "left" FROM (${REMOVED}) r`;

const ERASE = sql<ThreadNames | 'messageId' | 'limit'>('messages_erase_trash')`
  WITH revisions AS (
    DELETE FROM message_revisions v WHERE v.org_id = :orgId AND v.thread_id = :threadId
      AND (:messageId::uuid IS NULL OR v.message_id = :messageId)
  )
  DELETE FROM deleted_messages d WHERE d.org_id = :orgId AND d.thread_id = :threadId AND d.ctid = ANY (ARRAY(
    SELECT d.ctid FROM deleted_messages d WHERE d.org_id = :orgId AND d.thread_id = :threadId
      AND (:messageId::uuid IS NULL OR d.id = :messageId) LIMIT :limit))`;

const END_REDO = sql<ThreadNames>('messages_end_redo')`
  UPDATE deleted_messages d SET reason = 'deleted'
  WHERE d.org_id = :orgId AND d.thread_id = :threadId AND d.reason = 'undone'`;

/** Messages on their way to the trash, in it, and out of it. Their thread is held. */
@Injectable()
export class MessageTrashRepository {
  /** One removal after the other; `undefined` when the caller may not write to the thread. */
  async list(
    tx: TenantTx,
    principal: Principal,
    target: Target,
    { after, order, limit, offset }: TrashSlice,
  ): Promise<TrashRow[] | undefined> {
    const slice = { removalId: after?.removal_id, seq: after?.seq, limit, offset };
    const rows = await tx.query(LISTS[order][target.by], { ...principal, target: target.id, ...slice });
    return rows.length === 0 ? undefined : rows.filter(({ seq }) => seq !== null);
  }

  /** Moves a range to the trash, set by set in the transaction of the caller. */
  move(tx: TenantTx, thread: Thread, { from = 0, to }: SeqRange, removal: Removal): Promise<Removed> {
    const { id: removalId, reason, by } = removal;
    const values = { ...threadValues(thread), to, removalId, reason, by, limit: MAX_SET };
    return setBySet(from, async (first) => (await tx.query(MOVE, { ...values, from: first }))[0]);
  }

  /**
   * Puts messages back at their numbers, in one statement; not those whose id is in use again. Of several under one id, the
   * one that was deleted last.
   * @returns what was put back, and in `left` how many of these stay in the trash
   */
  async putBack(tx: TenantTx, thread: Thread, which: Trashed): Promise<Removed & { left: number }> {
    const { removalId, messageId } = which;
    const [back] = await tx.query(PUT_BACK, { ...threadValues(thread), removalId, messageId });
    return back;
  }

  /** Removes a message, or all, from the trash for good, with its revisions, wherever it is. @returns how many were in the trash */
  async erase(tx: TenantTx, thread: Thread, messageId?: string): Promise<number> {
    for (let erased = 0; ;) {
      const set = await tx.execute(ERASE, { ...threadValues(thread), messageId, limit: MAX_SET });
      erased += set;
      if (set < MAX_SET) return erased;
    }
  }

  /** What was undone stays in the trash, and no redo brings it back any more. */
  async endRedo(tx: TenantTx, thread: Thread): Promise<void> {
    await tx.execute(END_REDO, threadValues(thread));
  }
}
