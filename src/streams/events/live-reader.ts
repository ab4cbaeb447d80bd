import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../common/errors';
import { EventStream } from '../../http/answer/event-stream';
import type { FeedBatch, FeedEvent, FeedPosition, MessageRow } from '../../messages';
import { notFound } from '../../threads';
import { toEventId } from './live-position';
import type { StreamOwner } from '../stream';
import type { StreamWork } from '../streams.service';

/** How a message is shown. */
type MessageShape = (row: MessageRow) => object;

/** What a reader needs to know of its thread. */
export interface LiveFeed extends StreamOwner {
  readonly threadId: string;
  readonly view: MessageShape;
  /** @returns `undefined` when the thread is not in sight any more */
  next(position: FeedPosition): Promise<FeedBatch | undefined>;
}

/** After a failure of the database. */
const RETRY_MS = 1000;
/** The same for the client, after the end of a connection. */
const CLIENT_RETRY = 'retry: 1000\n\n';

/**
 * Follows one thread for one client. It holds one batch at most: the next one is read when the client has taken it. Of a
 * batch, one event at a time is written out: a message in several events is there once until then.
 */
export class LiveReader implements StreamWork {
  private readonly logger = new Logger('Live');
  readonly stream = new EventStream(() => `: still here\nid: ${this.idOf(this.position)}\n\n`);
  readonly principal = this.feed.principal;
  readonly target = this.feed.target;
  readonly authorization = this.feed.authorization;
  readonly threadId = this.feed.threadId;
  private ended = false;
  private isDue = true;
  private onWake = () => {};

  constructor(
    private readonly feed: LiveFeed,
    private position: FeedPosition,
  ) {}

  async run(): Promise<void> {
    const { seq, version } = this.position;
    this.stream.write(CLIENT_RETRY);
    this.stream.send('ready', { thread_id: this.threadId, seq, version }, this.idOf(this.position));
    this.stream.gone.addEventListener('abort', () => this.stop());
    while (!this.ended) {
      await (this.isDue ? this.goOn() : this.woken());
      await this.stream.drained();
    }
  }

  seen(version: number, at: number): void {
    if (version !== this.position.version) this.wake();
    else if (!this.isDue) this.position = { ...this.position, at };
  }

  wake(): void {
    this.isDue = true;
    this.onWake();
  }

  end(code: string): void {
    this.stream.send('end', { code });
    this.close();
  }

  close(): void {
    this.stop();
    this.stream.end();
  }

  private idOf(position: FeedPosition): string {
    return toEventId(position, this.threadId);
  }

  private stop(): void {
    this.ended = true;
    this.onWake();
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => (this.onWake = resolve));
  }

  private async goOn(): Promise<void> {
    this.isDue = false;
    try {
      const batch = await this.feed.next(this.position);
      if (this.ended) return;
      if (batch) await this.tell(batch);
      else this.end(notFound(this.target).code);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The database is away. Nothing is lost: the position says where to go on.
      this.logger.warn({ msg: 'A stream waits for the database', code: error.code });
      this.isDue = true;
      await sleep(RETRY_MS, undefined, { signal: this.stream.gone }).catch(() => undefined);
    }
  }

  private async tell({ events, position, more }: FeedBatch): Promise<void> {
    for (const event of events) {
      this.stream.send(event.kind, this.show(event), this.idOf(event.position));
      // A ping may come between two events: it says where the client is.
      this.position = event.position;
      await this.stream.drained();
      if (this.ended) return;
    }
    this.position = position;
    if (more) this.isDue = true;
  }

  private show(event: FeedEvent): object {
    if (event.kind === 'reset') return { seq: event.position.seq, version: event.position.version };
    if (event.kind === 'deleted') return { seqs: event.seqs };
    const messages = event.rows.map(this.feed.view);
    return event.kind === 'appended' ? { message: messages[0] } : { messages };
  }
}
