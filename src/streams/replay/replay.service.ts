import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { bySession, type Target } from '../../threads';
import { SessionsService } from '../../sessions';
import { threadMark } from '../events/live-position';
import type { StreamOwner } from '../stream';
import type { ReplayBody, ReplayQuery, SessionReplay } from '../streams.dto';
import { StreamsService } from '../streams.service';
import { FeedService, type FollowedThread, type MessageRow, messageViewOf, toSessionMessage } from '../../messages';
import { ReplayReader } from './replay-reader';
import { readReplayId, type Remaining, type ReplayId, type ReplayTurn, ReplayTurns } from './replay-turns';
import { ReplayRepository } from './replay.repository';

/** Messages that are read at once. */
const PAGE = 100;
/** Messages of a replay that is one answer. */
const MAX_LISTED = 1000;
const DEFAULT_GAP_MS = 2000;

/** What is replayed, in whichever way it was named. */
interface ReplayRange {
  from_seq?: number;
  from_turn?: number;
  up_to_seq?: number;
  up_to_turn?: number;
}

/** Several turns, and the message that comes after them. */
interface TurnList {
  turns: ReplayTurn[];
  next_seq: number | null;
}

/** Gives a conversation again, turn by turn. It reads only: the source stays as it is, but that a session lives on by it. */
@Injectable()
export class ReplayService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly streams: StreamsService,
    private readonly feed: FeedService,
    private readonly turns: ReplayRepository,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * As server-sent events, up to the last message that there is at the beginning. After a turn of another thread, which
   * the session had before, it begins as without one.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, INVALID_TURN_ID, BAD_REQUEST, TOO_MANY_STREAMS, STREAMS_EXHAUSTED
   */
  async stream(owner: StreamOwner, query: ReplayQuery): Promise<Readable> {
    const { principal, target } = owner;
    await this.sessions.toRead(principal, target);
    checkRange(query);
    const resumed = query.last_event_id ? readReplayId(query.last_event_id) : undefined;
    return this.streams.serve(principal, async () => {
      const thread = await this.feed.thread(principal, target);
      const { position, upTo } = await this.remaining(principal, thread, query, resumed);
      const next = (after: number) =>
        this.streams.reads.pass(() => this.feed.page(principal, target, thread.id, { after, upTo, limit: PAGE }));
      const what = { threadId: thread.id, position, upTo, pace: paceOf(query), view: messageViewOf(target), next };
      return new ReplayReader({ ...owner, ...what });
    });
  }

  /** The turns of a session. @throws as `list` */
  async listSession(
    principal: Principal,
    id: string,
    { up_to: up_to_turn, ...range }: ReplayBody,
  ): Promise<SessionReplay> {
    const target = await this.sessions.toRead(principal, bySession(id));
    const { turns, next_seq } = await this.list(principal, target, { ...range, up_to_turn });
    const views = turns.map(({ rows, ...turn }) => ({ ...turn, messages: rows.map(toSessionMessage) }));
    return { session_id: id, turns: views, next_seq };
  }

  /** As one answer, cut off after 1000 messages. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, BAD_REQUEST */
  async list(principal: Principal, target: Target, range: ReplayRange): Promise<TurnList> {
    checkRange(range);
    const thread = await this.feed.thread(principal, target);
    const { position, upTo } = await this.remaining(principal, thread, range);
    const rows: MessageRow[] = [];
    let after = position.seq;
    while (rows.length <= MAX_LISTED) {
      const limit = MAX_LISTED + 1 - rows.length;
      const page = await this.feed.page(principal, target, thread.id, { after, upTo, limit });
      if (!page?.length) break;
      rows.push(...page);
      after = rows[rows.length - 1].seq;
    }
    const turns = new ReplayTurns(position);
    const shown = rows.slice(0, MAX_LISTED);
    return { turns: [...turns.take(shown), ...turns.rest()], next_seq: rows[MAX_LISTED]?.seq ?? null };
  }

  private async remaining(
    principal: Principal,
    thread: FollowedThread,
    range: ReplayRange,
    resumed?: ReplayId,
  ): Promise<Remaining> {
    if (resumed?.mark === threadMark(thread.id))
      return { position: resumed.position, upTo: Math.min(resumed.upTo, thread.last_seq) };
    return this.db.read(principal, async (tx) => {
      const first = await this.firstOf(tx, thread, range);
      const turn = first > 1 ? await this.turns.turnBefore(tx, thread, first) : 0;
      return { position: { seq: first - 1, turn }, upTo: await this.lastOf(tx, thread, range) };
    });
  }

  private async firstOf(tx: TenantTx, thread: FollowedThread, { from_seq, from_turn }: ReplayRange): Promise<number> {
    if (!from_turn) return from_seq ?? 1;
    return (await this.turns.beginOf(tx, thread, from_turn)) ?? thread.last_seq + 1;
  }

  private async lastOf(tx: TenantTx, thread: FollowedThread, range: ReplayRange): Promise<number> {
    const { up_to_seq = Infinity, up_to_turn } = range;
    const after = up_to_turn === undefined ? undefined : await this.turns.beginOf(tx, thread, up_to_turn + 1);
    return Math.min(up_to_seq, after === undefined ? Infinity : after - 1, thread.last_seq);
  }
}

/** @throws BAD_REQUEST */
function checkRange({ from_seq, from_turn, up_to_seq, up_to_turn }: ReplayRange): void {
  if (from_seq !== undefined && from_turn !== undefined) throw commonErrors.BAD_REQUEST('Use from_seq or from_turn.');
  if (up_to_seq !== undefined && up_to_turn !== undefined)
    throw commonErrors.BAD_REQUEST('Name one end: a message or a turn.');
}

const paceOf = ({ speed = 'max', max_gap_ms: maxGapMs = DEFAULT_GAP_MS }: ReplayQuery) => ({
  speed: speed === 'max' ? Infinity : Number(speed),
  maxGapMs,
});
