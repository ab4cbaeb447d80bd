import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../organizations';
import { Lanes } from '../common/lanes';
import { CONFIG, type Config } from '../config/config';
import { shareOf } from '../config/process-shares';
import { EventStream } from '../http/answer/event-stream';
import { AppendService } from '../messages';
import type { Watched } from './stream';
import { streamErrors } from './streams.errors';
import { WatchesService } from './watches.service';

/** Batches that an instance reads at the same time, for all its streams: they may not keep the connections from those who write. */
const MAX_READS = 4;

/** An organization has one part in so many of the instance's streams, however many users it names. */
const SHARE = 3;

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
  readonly reads: Lanes;
  private readonly open = new Set<StreamWork>();
  /** Slots that are taken, by user, and by organization. */
  private readonly slots = new Map<string, number>();
  private taken = 0;
  private closed = false;

  constructor(
    appends: AppendService,
    private readonly watches: WatchesService,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.reads = new Lanes(shareOf(config.env, MAX_READS));
    appends.listen(({ thread_id }) => this.watches.wake(thread_id));
  }

  /**
   * Serves a stream from here on, until it or its client ends it.
   * @param prepare finds out what it begins with; what it throws is the answer to the request
   * @throws TOO_MANY_STREAMS, STREAMS_EXHAUSTED
   */
  async serve(principal: Principal, prepare: () => Promise<StreamWork>): Promise<EventStream['body']> {
    const leave = this.takeSlot(principal);
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
      // The service may have stopped while the stream was prepared.
      if (this.closed) work.close();
      return stream.body;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Before the listener is closed: a client reconnects at once, and meets another instance. */
  onModuleDestroy(): void {
    this.closed = true;
    for (const work of this.open) work.close();
  }

  private takeSlot({ orgId, userId }: Principal): () => void {
    const { env } = this.config;
    const { LIVE_MAX_STREAMS_PER_USER: maxOfUser } = env;
    const most = shareOf(env, env.LIVE_MAX_STREAMS);
    const maxOfOrg = Math.ceil(most / SHARE);
    const [user, org] = [JSON.stringify([orgId, userId]), JSON.stringify([orgId])];
    if (this.slotsOf(user) >= maxOfUser) throw streamErrors.TOO_MANY_STREAMS(maxOfUser);
    if (this.taken >= most) throw streamErrors.STREAMS_EXHAUSTED().with({ headers: { 'retry-after': '1' } });
    if (this.slotsOf(org) >= maxOfOrg) throw streamErrors.TOO_MANY_STREAMS(maxOfOrg, 'Your organization has');
    this.count(1, user, org);
    return () => this.count(-1, user, org);
  }

  private slotsOf(key: string): number {
    return this.slots.get(key) ?? 0;
  }

  private count(more: 1 | -1, ...keys: string[]): void {
    this.taken += more;
    for (const key of keys) {
      const slots = this.slotsOf(key) + more;
      if (slots === 0) this.slots.delete(key);
      else this.slots.set(key, slots);
    }
  }
}
