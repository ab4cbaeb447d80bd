import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { checkTarget, notFound, type Target } from '../../threads';
import {
  broughtBy,
  type FeedEvent,
  type FeedPosition,
  firstOf,
  isTooMuch,
  knownChanges,
  type KnownChange,
  readOf,
  toEvents,
} from './feed-changes';
import { type FollowedThread, FeedRepository, type FeedSlice } from './feed.repository';
import type { MessageRow } from '../message.entity';

export type { FeedEvent, FeedPosition } from './feed-changes';
export type { FollowedThread } from './feed.repository';

export interface FeedBatch {
  events: FeedEvent[];
  /** Where the next batch begins; it may be beyond the last event. */
  position: FeedPosition;
  /** Whether there may be more by now. */
  more: boolean;
}

interface Told {
  events: FeedEvent[];
  /** Behind the last change; absent if there was none. */
  position?: FeedPosition;
  /** Whether all changes have been told, and not only the first. */
  isAll: boolean;
}

/** Of one batch, so that a reader never holds much. */
const MAX_MESSAGES = 100;
const MAX_CHANGES = 100;

/** The log of changes is kept for a week; an hour is for clocks, and for transactions that took their time. */
const LOG_SECONDS = 7 * 86_400 - 3600;

/**
 * Reads a thread from where a reader is, exactly once and in order.
 *
 * A position is two numbers. Messages up to `seq` have been given, as they were at `version`. The thread's row is locked by
 * whoever writes, and gives out numbers and versions, so that both follow the order of the commits: nothing that is
 * committed later has a smaller one. Each batch is read in one snapshot, in two steps:
 *
 * 1. The changes after `version`, but only of messages up to `seq`. What lies beyond has not been given, and needs no
 *    correction: it comes as it is now, or not at all if it is gone. So no edit comes before its message.
 * 2. Once no change is left, the messages after `seq`. They are given as of the snapshot's version, which the position
 *    takes over with the first of them; a later change of theirs has a greater version, and comes in step 1.
 *
 * A batch ends early when its messages are large. It may end within a change: the position then says how far it was told.
 *
 * A message that was appended and deleted before the reader came by is passed over. If it is restored afterwards, the
 * reader gets it by `restored`: its number lies behind the position. A reader who resumes with an older position gets
 * it by `appended` instead. Either way it comes once.
 */
@Injectable()
export class FeedService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly feed: FeedRepository,
  ) {}

  /** The thread as it is now. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND */
  async thread(principal: Principal, target: Target): Promise<FollowedThread> {
    checkTarget(target);
    const thread = await this.db.readOne(principal, (tx) => this.feed.thread(tx, principal, target));
    if (!thread) throw notFound(target);
    return thread;
  }

  /** The first messages of a slice, oldest first; few if they are large. @returns `undefined` when the thread is not in sight any more */
  page(principal: Principal, target: Target, id: string, slice: FeedSlice): Promise<MessageRow[] | undefined> {
    return this.db.read(principal, async (tx) => {
      const thread = await this.feed.thread(tx, principal, target);
      return thread?.id === id ? this.feed.slice(tx, thread, slice) : undefined;
    });
  }

  /** What comes after a position. @returns `undefined` when the thread is not in sight any more */
  next(principal: Principal, target: Target, id: string, position: FeedPosition): Promise<FeedBatch | undefined> {
    return this.db.read(principal, async (tx) => {
      const thread = await this.feed.thread(tx, principal, target);
      // A session may have been made anew, with another thread.
      if (thread?.id !== id) return undefined;
      if (isLost(thread, position)) return toReset(thread);
      const found = await this.feed.changes(tx, thread, position.version, MAX_CHANGES);
      const changes = firstOf(knownChanges(found, position));
      if (isTooMuch(changes)) return toReset(thread);
      const told = await this.tell(tx, thread, changes);
      if (found.length < MAX_CHANGES && changes.length === found.length && told.isAll)
        return this.append(tx, thread, told.events, position.seq);
      return { events: told.events, position: told.position ?? position, more: true };
    });
  }

  private async tell(tx: TenantTx, thread: FollowedThread, changes: KnownChange[]): Promise<Told> {
    const wanted = broughtBy(changes);
    const found = wanted.length === 0 ? { seqs: [], rows: [] } : await this.feed.at(tx, thread, wanted);
    const read = readOf(changes, found);
    const isAll = found.seqs.length === wanted.length;
    return { events: toEvents(read, found.rows), position: read[read.length - 1]?.position, isAll };
  }

  private async append(tx: TenantTx, thread: FollowedThread, events: FeedEvent[], seq: number): Promise<FeedBatch> {
    const { last_seq, version, now: at } = thread;
    const slice = { after: seq, upTo: last_seq, limit: MAX_MESSAGES };
    const rows = seq < last_seq ? await this.feed.slice(tx, thread, slice) : [];
    const appended = rows.map((row): FeedEvent => ({
      kind: 'appended',
      rows: [row],
      position: { seq: row.seq, version, at },
    }));
    const last = rows.length === 0 ? last_seq : rows[rows.length - 1].seq;
    return { events: [...events, ...appended], position: { seq: last, version, at }, more: last < last_seq };
  }
}

/** The changes after the position may have been removed from the log, or the position is of another history. */
const isLost = (thread: FollowedThread, { seq, version, at }: FeedPosition) =>
  seq > thread.last_seq || version > thread.version || (version < thread.version && thread.now - at > LOG_SECONDS);

const toReset = ({ last_seq: seq, version, now: at }: FollowedThread): FeedBatch => {
  const position = { seq, version, at };
  return { events: [{ kind: 'reset', position }], position, more: false };
};
