import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { FeedService, messageViewOf } from '../../messages';
import { SessionsService } from '../../sessions';
import type { StreamOwner } from '../stream';
import { StreamsService } from '../streams.service';
import { type LiveStart, readEventId, startOf } from './live-position';
import { type LiveFeed, LiveReader } from './live-reader';

/** Lets clients follow threads and sessions. */
@Injectable()
export class LiveService {
  constructor(
    private readonly streams: StreamsService,
    private readonly feed: FeedService,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * What happens to a conversation, as server-sent events. Its beginning counts as a read of a session, which may still expire
   * while it is followed.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, INVALID_EVENT_ID, TOO_MANY_STREAMS, STREAMS_EXHAUSTED
   */
  async follow(owner: StreamOwner, start: LiveStart): Promise<Readable> {
    const { principal, target } = owner;
    await this.sessions.toRead(principal, target);
    if (start.lastEventId) readEventId(start.lastEventId);
    return this.streams.serve(principal, async () => {
      const thread = await this.feed.thread(principal, target);
      const next: LiveFeed['next'] = (position) =>
        this.streams.reads.pass(() => this.feed.next(principal, target, thread.id, position));
      const feed = { ...owner, threadId: thread.id, view: messageViewOf(target), next };
      return new LiveReader(feed, startOf(thread, start));
    });
  }
}
