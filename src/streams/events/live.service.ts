import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { MessageFeedService } from '../../messages/feed/message-feed.service';
import { type LiveStart, readEventId, startOf } from './live-position';
import { type LiveFeed, LiveReader, type MessageShape } from './live-reader';
import { type StreamOwner, StreamsService } from '../streams.service';

/** Lets clients follow threads. */
@Injectable()
export class LiveService {
  constructor(
    private readonly streams: StreamsService,
    private readonly feed: MessageFeedService,
  ) {}

  /**
   * What happens to a thread, as server-sent events.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, INVALID_EVENT_ID, TOO_MANY_STREAMS, STREAMS_EXHAUSTED
   */
  follow(owner: StreamOwner, start: LiveStart, view: MessageShape): Promise<Readable> {
    const { principal, target } = owner;
    if (start.lastEventId) readEventId(start.lastEventId);
    return this.streams.serve(principal, async () => {
      const thread = await this.feed.thread(principal, target);
      const next: LiveFeed['next'] = (position) =>
        this.streams.reads.pass(() => this.feed.next(principal, target, thread.id, position));
      return new LiveReader({ ...owner, threadId: thread.id, view, next }, startOf(thread, start));
    });
  }
}
