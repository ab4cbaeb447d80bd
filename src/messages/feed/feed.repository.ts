import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { TenantTx } from '../../database/door/tenant-database';
import { forTargets, type Target, targetValues } from '../../threads';
import type { MessageChange } from '../edit/message-change.entity';
import type { MessageRow } from '../message.entity';
import { MESSAGE_COLUMNS } from '../message-columns';

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

type ThreadKey = Pick<FollowedThread, 'org_id' | 'id'>;

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

/** As it is stored: messages are read until it is so much, so that large ones come few at a time. */
const MAX_BYTES = 256 * 1024;

const SIZE = ['content', 'tool_calls', 'metadata'].map((name) => `coalesce(pg_column_size(n.${name}), 0)`).join(' + ');

const THREAD = forTargets(
  { name: 'messages_feed_thread' },
  'read',
  (isTarget) => `
    SELECT t.org_id, t.id, t.last_seq, t.version, extract(epoch FROM now())::bigint AS now
    FROM threads t WHERE ${isTarget}`,
);

/** Reads a thread as something that goes on. */
@Injectable()
export class FeedRepository {
  /** @returns `undefined` when the thread is not in sight */
  async thread(tx: TenantTx, principal: Principal, target: Target): Promise<FollowedThread | undefined> {
    return (await tx.query<FollowedThread>(THREAD[target.by], targetValues(principal, target)))[0];
  }

  /** What happened to stored messages after a version, in order. */
  async changes(tx: TenantTx, thread: ThreadKey, version: number, limit: number): Promise<ChangeRow[]> {
    const text = `
      SELECT c.version, c.kind, c.seqs, extract(epoch FROM c.created_at)::bigint AS at FROM message_changes c
      WHERE c.org_id = $1 AND c.thread_id = $2 AND c.version > $3 ORDER BY c.version LIMIT $4`;
    const values = [thread.org_id, thread.id, version, limit];
    const rows = await tx.query<ChangeRow>({ name: 'messages_feed_changes', text }, values);
    // In arrays, 64-bit integers come as texts.
    return rows.map((row) => ({ ...row, seqs: row.seqs?.map(Number) ?? null }));
  }

  /** The messages under these numbers: at least one if there is any, and few if they are large. */
  async at(tx: TenantTx, thread: ThreadKey, seqs: number[]): Promise<MessagesFound> {
    const text = `
      SELECT ${MESSAGE_COLUMNS}, m.total FROM (
        SELECT n.*, w.position, count(*) OVER () AS total, sum(${SIZE}) OVER (ORDER BY w.position) - (${SIZE}) AS before
        FROM unnest($3::bigint[]) WITH ORDINALITY AS w (seq, position)
        JOIN messages n ON n.org_id = $1 AND n.thread_id = $2 AND n.seq = w.seq
      ) m WHERE m.before < ${MAX_BYTES} ORDER BY m.position`;
    const values = [thread.org_id, thread.id, seqs];
    const found = await tx.query<MessageRow & { total: number }>(
      { name: 'messages_feed_at', text, isoTimes: true },
      values,
    );
    const rows = found.map(({ total: _, ...row }) => row);
    const isAll = found.length === (found[0]?.total ?? 0);
    return { rows, seqs: isAll ? seqs : seqs.slice(0, seqs.indexOf(rows[rows.length - 1].seq) + 1) };
  }

  /** The first messages of a slice, oldest first: at least one if there is any, and few if they are large. */
  slice(tx: TenantTx, thread: ThreadKey, { after, upTo, limit }: FeedSlice): Promise<MessageRow[]> {
    const text = `
      SELECT ${MESSAGE_COLUMNS} FROM (
        SELECT n.*, sum(${SIZE}) OVER (ORDER BY n.seq) - (${SIZE}) AS before FROM (
          SELECT * FROM messages n WHERE n.org_id = $1 AND n.thread_id = $2 AND n.seq > $3 AND n.seq <= $4
          ORDER BY n.seq LIMIT $5
        ) n
      ) m WHERE m.before < ${MAX_BYTES} ORDER BY m.seq`;
    const values = [thread.org_id, thread.id, after, upTo, limit];
    return tx.query({ name: 'messages_feed_slice', text, isoTimes: true }, values);
  }

  /** How many messages there are up to a number. */
  async count(tx: TenantTx, thread: ThreadKey, upTo: number): Promise<number> {
    const text = `SELECT count(*) AS total FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq <= $3`;
    const values = [thread.org_id, thread.id, upTo];
    return (await tx.query<{ total: number }>({ name: 'messages_feed_count', text }, values))[0].total;
  }
}
