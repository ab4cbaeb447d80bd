import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { sqlForTarget, type Target } from '../../threads';
import type { MessageChange } from '../edit/message-change.entity';
import type { MessageRow } from '../message.entity';
import { MESSAGE_COLUMNS } from '../message-columns';
import { type ThreadKey, type ThreadNames, threadValues } from '../read/messages.repository';
import { sizeOf } from '../read/page-bytes';

/** How far a thread is, at one moment. */
export interface FollowedThread {
  org_id: string;
  id: string;
  last_seq: number;
  version: number;
  /** The database's clock, in seconds. */
  now: number;
}

export type ChangeRow = Pick<MessageChange, 'version' | 'kind' | 'seqs'> & {
  /** When it was written, in seconds. */
  at: number;
};

/** A slice of a thread: after a number, up to another. */
export interface FeedSlice {
  after: number;
  upTo: number;
  /** The most messages. */
  limit: number;
}

/** Messages that were asked for by their numbers. */
export interface MessagesFound {
  /** Of the numbers, the first ones: so far was looked. */
  seqs: number[];
  /** Those of them that are there now, in the order of the numbers. */
  rows: MessageRow[];
}

/** Messages are read until they are so much, so that large ones come few at a time. */
const MAX_BYTES = 256 * 1024;

const FITS = `m.before < ${MAX_BYTES}`;

const SIZE = sizeOf('n');

const THREAD = sqlForTarget<never, FollowedThread>(
  'messages_feed_thread',
  'read',
)(
  (isTarget) => `
    SELECT t.org_id, t.id, t.last_seq, t.version, extract(epoch FROM now())::bigint AS now
    FROM threads t WHERE ${isTarget}`,
);

const CHANGES = sql<ThreadNames | 'version' | 'limit', ChangeRow>('messages_feed_changes')`
  SELECT c.version, c.kind, c.seqs, extract(epoch FROM c.created_at)::bigint AS at FROM message_changes c
  WHERE c.org_id = :orgId AND c.thread_id = :threadId AND c.version > :version ORDER BY c.version LIMIT :limit`;

const AT = sql<ThreadNames | 'seqs', MessageRow & { total: number }>('messages_feed_at', { isoTimes: true })`
  SELECT ${MESSAGE_COLUMNS}, m.total FROM (
    SELECT n.*, w.position, count(*) OVER () AS total, sum(${SIZE}) OVER (ORDER BY w.position) - (${SIZE}) AS before
    FROM unnest(:seqs::bigint[]) WITH ORDINALITY AS w (seq, position)
    JOIN messages n ON n.org_id = :orgId AND n.thread_id = :threadId AND n.seq = w.seq
  ) m WHERE ${FITS} ORDER BY m.position`;

const SLICE = sql<ThreadNames | keyof FeedSlice, MessageRow>('messages_feed_slice', { isoTimes: true })`
  SELECT ${MESSAGE_COLUMNS} FROM (
    SELECT n.*, sum(${SIZE}) OVER (ORDER BY n.seq) - (${SIZE}) AS before FROM (
      SELECT * FROM messages n WHERE n.org_id = :orgId AND n.thread_id = :threadId AND n.seq > :after AND n.seq <= :upTo
      ORDER BY n.seq LIMIT :limit
    ) n
  ) m WHERE ${FITS} ORDER BY m.seq`;

const COUNT = sql<ThreadNames | 'upTo', { total: number }>('messages_feed_count')`
  SELECT count(*) AS total FROM messages m WHERE m.org_id = :orgId AND m.thread_id = :threadId AND m.seq <= :upTo`;

/** Reads a thread as something that goes on. */
@Injectable()
export class FeedRepository {
  /** @returns `undefined` when the thread is not in sight */
  async thread(tx: TenantTx, principal: Principal, target: Target): Promise<FollowedThread | undefined> {
    return (await tx.query(THREAD[target.by], { ...principal, target: target.id }))[0];
  }

  /** What happened to stored messages after a version, in order. */
  async changes(tx: TenantTx, thread: ThreadKey, version: number, limit: number): Promise<ChangeRow[]> {
    const rows = await tx.query(CHANGES, { ...threadValues(thread), version, limit });
    // In arrays, 64-bit integers come as texts.
    return rows.map((row) => ({ ...row, seqs: row.seqs?.map(Number) ?? null }));
  }

  /** The messages under these numbers: at least one if there is any, and few if they are large. */
  async at(tx: TenantTx, thread: ThreadKey, seqs: number[]): Promise<MessagesFound> {
    const found = await tx.query(AT, { ...threadValues(thread), seqs });
    const rows = found.map(({ total: _, ...row }) => row);
    const isAll = found.length === (found[0]?.total ?? 0);
    return { rows, seqs: isAll ? seqs : seqs.slice(0, seqs.indexOf(rows[rows.length - 1].seq) + 1) };
  }

  /** The first messages of a slice, oldest first: at least one if there is any, and few if they are large. */
  slice(tx: TenantTx, thread: ThreadKey, { after, upTo, limit }: FeedSlice): Promise<MessageRow[]> {
    return tx.query(SLICE, { ...threadValues(thread), after, upTo, limit });
  }

  /** How many messages there are up to a number. */
  async count(tx: TenantTx, thread: ThreadKey, upTo: number): Promise<number> {
    return (await tx.query(COUNT, { ...threadValues(thread), upTo }))[0].total;
  }
}
