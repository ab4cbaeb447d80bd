import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/tenant-database';
import { forTargets, type Target, targetValues, type Viewer } from '../database/visibility';
import type { MessageChange } from './message-change.entity';
import type { MessageRow } from './message.entity';
import { MESSAGE_COLUMNS } from './messages.repository';

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

/** Where a run of messages lies: after a number, up to another. */
export interface Run {
  after: number;
  upTo: number;
  /** The most messages. */
  limit: number;
}

/** As it is stored: a run goes on until so much is read, so that large messages come few at a time. */
const MOST_BYTES = 256 * 1024;

const THREAD = forTargets(
  { name: 'messages_feed_thread' },
  'read',
  (isTarget) => `
    SELECT t.org_id, t.id, t.last_seq, t.version, extract(epoch FROM now())::bigint AS now
    FROM threads t WHERE ${isTarget}`,
);

/** Reads a thread as something that goes on. */
@Injectable()
export class MessageFeedRepository {
  /** @returns `undefined` when the thread is not in sight */
  async thread(tx: TenantTx, viewer: Viewer, target: Target): Promise<FollowedThread | undefined> {
    return (await tx.query<FollowedThread>(THREAD[target.by], targetValues(viewer, target)))[0];
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

  /** The messages under these numbers that are there now, in order. */
  at(tx: TenantTx, thread: ThreadKey, seqs: number[]): Promise<MessageRow[]> {
    const text = `
      SELECT ${MESSAGE_COLUMNS} FROM messages m
      WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq = ANY($3::bigint[]) ORDER BY m.seq`;
    return tx.query({ name: 'messages_feed_at', text, isoTimes: true }, [thread.org_id, thread.id, seqs]);
  }

  /** The first messages of a run, oldest first: at least one if there is any, and few if they are large. */
  run(tx: TenantTx, thread: ThreadKey, { after, upTo, limit }: Run): Promise<MessageRow[]> {
    const size = (alias: string) =>
      ['content', 'tool_calls', 'metadata'].map((name) => `coalesce(pg_column_size(${alias}.${name}), 0)`).join(' + ');
    const text = `
      SELECT ${MESSAGE_COLUMNS} FROM (
        SELECT n.*, sum(${size('n')}) OVER (ORDER BY n.seq) - (${size('n')}) AS before FROM (
          SELECT * FROM messages n WHERE n.org_id = $1 AND n.thread_id = $2 AND n.seq > $3 AND n.seq <= $4
          ORDER BY n.seq LIMIT $5
        ) n
      ) m WHERE m.before < ${MOST_BYTES} ORDER BY m.seq`;
    const values = [thread.org_id, thread.id, after, upTo, limit];
    return tx.query({ name: 'messages_feed_run', text, isoTimes: true }, values);
  }

  /** How many messages there are up to a number. */
  async count(tx: TenantTx, thread: ThreadKey, upTo: number): Promise<number> {
    const text = `SELECT count(*) AS total FROM messages m WHERE m.org_id = $1 AND m.thread_id = $2 AND m.seq <= $3`;
    const values = [thread.org_id, thread.id, upTo];
    return (await tx.query<{ total: number }>({ name: 'messages_feed_count', text }, values))[0].total;
  }
}
