import { setTimeout as sleep } from 'node:timers/promises';
import { EventStream } from '../../http/answer/event-stream';
import type { StreamOwner } from '../stream';
import type { StreamWork } from '../streams.service';
import type { MessageRow } from '../../messages';
import { notFound } from '../../threads';
import { type Remaining, type ReplayTurn, ReplayTurns, toReplayId } from './replay-turns';

/** How fast a replay goes: `speed` times as fast as it was, no gap longer than `maxGapMs`. */
interface Pace {
  speed: number;
  maxGapMs: number;
}

/** When a message was said: by the caller's clock if it has told, else when it was stored. In milliseconds. */
export const saidAt = ({ client_timestamp, created_at }: Pick<MessageRow, 'client_timestamp' | 'created_at'>) =>
  Date.parse(client_timestamp ?? created_at);

/** Milliseconds from one turn to the next. What was said before its predecessor, by another clock, follows at once. */
export function waitBetween(previous: number | undefined, next: number, { speed, maxGapMs }: Pace): number {
  if (previous === undefined || speed === Infinity) return 0;
  return Math.min(Math.max(0, next - previous) / speed, maxGapMs);
}

/** What is replayed, and how. */
interface Replay extends StreamOwner, Remaining {
  readonly threadId: string;
  readonly pace: Pace;
  readonly view: (row: MessageRow) => object;
  /** The next messages after a number. @returns none at the end; `undefined` when the thread is not in sight any more */
  next(after: number): Promise<MessageRow[] | undefined>;
}

/** Replays one thread to one client. It holds a page and a part of a turn at most. */
export class ReplayReader implements StreamWork {
  readonly stream = new EventStream();
  readonly principal = this.replay.principal;
  readonly target = this.replay.target;
  readonly authorization = this.replay.authorization;
  readonly threadId = this.replay.threadId;
  private previous?: number;
  private given = 0;

  constructor(private readonly replay: Replay) {}

  async run(): Promise<void> {
    const { position } = this.replay;
    const turns = new ReplayTurns(position);
    this.stream.write('retry: 1000\n\n');
    let after = position.seq;
    while (!this.isOver) {
      const page = await this.replay.next(after);
      if (!page) return this.end(notFound(this.target).code);
      if (page.length === 0) break;
      await this.give(turns.take(page));
      after = page[page.length - 1].seq;
    }
    await this.give(turns.rest());
    if (!this.isOver) this.stream.send('end', { turns: this.given });
  }

  /** It tells of the messages as they are when it comes to them; that they change meanwhile is no news. */
  seen(): void {}
  wake(): void {}

  end(code: string): void {
    this.stream.send('end', { code });
    this.close();
  }

  close(): void {
    this.stream.end();
  }

  private get isOver(): boolean {
    return this.stream.gone.aborted || this.stream.body.writableEnded;
  }

  private async give(turns: ReplayTurn[]): Promise<void> {
    for (const turn of turns) {
      await this.wait(turn);
      if (this.isOver) return;
      const { index, continued, rows } = turn;
      const id = toReplayId({ seq: rows[rows.length - 1].seq, turn: index }, this.replay.upTo, this.threadId);
      this.stream.send('turn', { index, continued, messages: rows.map(this.replay.view) }, id);
      if (!continued) this.given += 1;
      await this.stream.drained();
    }
  }

  private async wait({ rows, continued }: ReplayTurn): Promise<void> {
    if (continued) return;
    const at = saidAt(rows[0]);
    const wait = waitBetween(this.previous, at, this.replay.pace);
    this.previous = at;
    if (wait > 0) await sleep(wait, undefined, { signal: this.stream.gone }).catch(() => undefined);
  }
}
