import { setImmediate as turn } from 'node:timers/promises';
import type { Principal } from '../../organizations/principal';
import { byThread } from '../../threads/target';
import type { MessageRow } from '../../messages/message.entity';
import type { FeedBatch, FeedEvent, FeedPosition } from '../../messages/feed/feed.service';
import { readEventId } from './live-position';
import { LiveReader } from './live-reader';

const ID = '0190a5c0-0000-7000-8000-0123456789ab';
const START = { seq: 40, version: 1, at: 1000 };
const EVENTS = 30;
const TEXT = 'x'.repeat(100_000);

/** A reader of one batch of large events. */
function largeBatch() {
  const events = Array.from({ length: EVENTS }, (_, index): FeedEvent => {
    const rows = [{ seq: index + 1 }] as MessageRow[];
    return { kind: 'edited', rows, position: { ...START, version: index + 2 } };
  });
  const asked: FeedPosition[] = [];
  const feed = {
    principal: {} as Principal,
    target: byThread(ID),
    threadId: ID,
    view: ({ seq }: MessageRow) => ({ seq, text: TEXT }),
    next: (position: FeedPosition): Promise<FeedBatch> => {
      asked.push(position);
      const { position: last } = events[events.length - 1];
      return Promise.resolve({ events: asked.length > 1 ? [] : events, position: last, more: asked.length === 1 });
    },
  };
  const reader = new LiveReader(feed, START);
  return { reader, asked, body: reader.stream.body, last: events[EVENTS - 1].position };
}

const settled = async () => {
  for (let turns = 0; turns < 100; turns += 1) await turn();
};

describe('A reader of a thread', () => {
  it('N33 writes out one event at a time, as the client takes them', async () => {
    const { reader, asked, body, last } = largeBatch();
    const running = reader.run();
    await settled();
    expect(body.writableLength + body.readableLength).toBeGreaterThan(TEXT.length);
    expect(body.writableLength + body.readableLength).toBeLessThan(3 * TEXT.length);
    expect(asked).toEqual([START]);

    let text = '';
    body.setEncoding('utf8').on('data', (part: string) => (text += part));
    while (asked.length < 2) await turn();
    expect(asked[1]).toEqual(last);
    const ids = [...text.matchAll(/^id: (.*)\nevent: edited$/gm)].map(([, id]) => readEventId(id).position.version);
    expect(ids).toEqual(Array.from({ length: EVENTS }, (_, index) => index + 2));
    reader.close();
    await running;
  });

  it('N33 says nothing more of a batch after the end', async () => {
    const { reader, body } = largeBatch();
    const running = reader.run();
    await settled();
    reader.end('THREAD_NOT_FOUND');
    let text = '';
    for await (const part of body.setEncoding('utf8')) text += part;
    await running;
    expect(text.match(/^event: edited$/gm)!.length).toBeLessThan(3);
    expect(text).toMatch(/event: end\ndata: \{"code":"THREAD_NOT_FOUND"\}\n\n$/);
  });
});
