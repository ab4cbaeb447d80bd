import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { CONFIG, type Config } from '../config/config';
import { EventStream } from '../http/event-stream';
import { AppendEventsService } from '../messages/append-events.service';
import { Gate } from './gate';
import { liveErrors } from './live.errors';
import type { Watched } from './watched';
import { WatchesService } from './watches.service';

export type { StreamOwner, Watched } from './watched';

/** Batches that are read at the same time, of all streams: they may not keep the connections from those who write. */
const MOST_READS = 4;

/** What serves one stream. */
export interface StreamWork extends Watched {
  readonly stream: EventStream;
  /** Ends when there is nothing more to say; fails only where the program is wrong. */
  run(): Promise<void>;
}

/** Opens the streams of this instance, counts them, and lets go of them. */
@Injectable()
export class StreamsService implements OnModuleDestroy {
  /** What streams read of the database, they read through here. */
  readonly reads = new Gate(MOST_READS);
  private readonly open = new Set<StreamWork>();
  /** Places that are taken, by user. */
  private readonly places = new Map<string, number>();
  private taken = 0;

  constructor(
    appends: AppendEventsService,
    private readonly watches: WatchesService,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    appends.listen(({ thread_id }) => this.watches.wake(thread_id));
  }

  /**
   * Serves a stream from here on, until it or its client ends it.
   * @param prepare finds out what it begins with; what it throws is the answer to the request
   * @throws TOO_MANY_STREAMS, STREAMS_EXHAUSTED
   */
  async serve(principal: Principal, prepare: () => Promise<StreamWork>): Promise<EventStream['body']> {
    const leave = this.takePlace(principal);
    try {
      const work = await prepare();
      const { stream } = work;
      this.open.add(work);
      this.watches.add(work);
      stream.gone.addEventListener('abort', () => {
        this.open.delete(work);
        this.watches.drop(work);
        leave();
      });
      work.run().then(
        () => stream.end(),
        (error: Error) => stream.fail(error),
      );
      return stream.body;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Before the listener is closed: a client reconnects at once, and meets another instance. */
  onModuleDestroy(): void {
    for (const work of this.open) work.close();
  }

  private takePlace({ orgId, userId }: Principal): () => void {
    const { LIVE_MAX_STREAMS: most, LIVE_MAX_STREAMS_PER_USER: mostOfUser } = this.config.env;
    const user = JSON.stringify([orgId, userId]);
    const own = this.places.get(user) ?? 0;
    if (own >= mostOfUser) throw liveErrors.TOO_MANY_STREAMS(mostOfUser);
    if (this.taken >= most) throw liveErrors.STREAMS_EXHAUSTED().with({ headers: { 'retry-after': '1' } });
    this.taken += 1;
    this.places.set(user, own + 1);
    return () => this.leavePlace(user);
  }

  private leavePlace(user: string): void {
    this.taken -= 1;
    const left = (this.places.get(user) ?? 1) - 1;
    if (left === 0) this.places.delete(user);
    else this.places.set(user, left);
  }
}
