import { randomBytes } from 'node:crypto';
import { FeedRepository, type MessagesFound } from '../../../src/messages/feed/feed.repository';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { eventually, follow, type LiveConnection } from '../../support/world/events';

/** What live streams may take of an instance. */
describe('Live events of large messages, and of many readers', () => {
  const { app, alice } = world({ MESSAGE_LIMIT_BYTES: String(8 * 1024 * 1024) });
  let id: string;
  const open: LiveConnection[] = [];

  beforeEach(async () => {
    id = (await alice.createThread()).id;
  });
  afterEach(() => {
    for (const connection of open.splice(0)) connection.leave();
  });

  const listen = (lastEventId?: string, client = alice, url = app.url, thread = id) => {
    const connection = follow(client, url, `/threads/${thread}/events`, { lastEventId });
    open.push(connection);
    return connection;
  };
  const ready = async (connection: LiveConnection) => {
    await connection.until(() => connection.named('ready').length === 1);
    return connection;
  };
  /** The id of what a reader has heard who knows everything up to now. */
  const here = async () => {
    const live = await ready(listen());
    live.leave();
    return live.lastEventId;
  };
  /** Text that can't be compressed much. */
  const large = (bytes: number) => randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64');
  const add = async (texts: string[]) => {
    const messages = [];
    for (const content of texts)
      messages.push((await alice.post(`/threads/${id}/messages`, { role: 'user', content, token_count: 0 })).body);
    return messages as { id: string; seq: number }[];
  };
  /** What an event is, and its id but for the third part: the second in which it was told. */
  const placeOf = ({ event, id }: LiveConnection['events'][number]) => [
    event,
    ...(id ?? '').split('.').toSpliced(2, 1),
  ];
  /** The sequence numbers of each event that brings messages. */
  const told = (connection: LiveConnection, kind: string) =>
    connection.named(kind).map(({ messages }) => messages.map(({ seq }: { seq: number }) => seq) as number[]);

  it('N33 a large message that was edited often comes once', async () => {
    const [message] = await add([large(2_000_000)]);
    const before = await here();
    for (let edit = 1; edit <= 30; edit += 1)
      expect((await alice.patch(`/messages/${message.id}`, { metadata: { edit } })).status).toBe(200);
    const live = listen(before);
    await add(['last']);
    await live.until(() => live.named('appended').length === 1);
    expect(live.named('edited').map(({ messages }) => messages[0].metadata)).toEqual([{ edit: 30 }]);
  });

  it('N33 large messages are read few at a time, and each comes once behind any event', async () => {
    const messages = await add(Array.from({ length: 8 }, () => large(200_000)));
    const before = await here();
    for (const message of messages) await alice.patch(`/messages/${message.id}`, { metadata: { edited: true } });
    expect((await alice.delete(`/threads/${id}/messages`)).status).toBe(200);
    const restored = await alice.post(`/threads/${id}/messages/restore`, {});
    expect(restored.status).toBe(200);
    const reads = jest.spyOn(FeedRepository.prototype, 'at');
    const live = listen(before);
    await add(['last']);
    await live.until(() => live.named('appended').length === 1);
    const found = await Promise.all(reads.mock.results.map(({ value }) => value as Promise<MessagesFound>));
    reads.mockRestore();
    for (const { rows } of found) expect(rows.length).toBeLessThanOrEqual(2);
    const seqs = messages.map(({ seq }) => seq);
    expect(live.named('deleted')).toEqual([{ seqs }]);
    expect(told(live, 'restored').flat()).toEqual(seqs);
    expect(told(live, 'restored').length).toBeGreaterThanOrEqual(4);

    // Also within the one change that has brought them back.
    for (const [index, { event, id: lastEventId }] of live.events.entries()) {
      if (event !== 'restored') continue;
      const again = listen(lastEventId);
      await again.until(() => again.named('appended').length === 1);
      const rest = live.events.slice(index + 1);
      expect(again.events.slice(1).map(placeOf)).toEqual(rest.map(placeOf));
      expect(again.events.slice(1).map(({ data }) => data)).toEqual(rest.map(({ data }) => data));
      again.leave();
    }
  });

  it('N33 one organization has a third of the streams, whatever users its service names', async () => {
    const { url } = await app.second({ LIVE_MAX_STREAMS: '6' });
    const service = await app.as('acme', 'robot', 'service');
    const openAs = async (userId: string) => {
      const user = service.with({ 'x-user-id': userId });
      return { user, thread: (await user.createThread()).id };
    };
    const [first, second, third] = [await openAs('user-1'), await openAs('user-2'), await openAs('user-3')];
    const streams = [first, second].map(({ user, thread }) => listen(undefined, user, url, thread));
    await Promise.all(streams.map(ready));
    expectProblem(await third.user.at(url).get(`/threads/${third.thread}/events`), 429, 'TOO_MANY_STREAMS');
    // Another organization has its own.
    const mallory = await app.as('globex', 'mallory');
    await ready(listen(undefined, mallory, url, (await mallory.createThread()).id));
    streams[0].leave();
    await eventually(async () => {
      const next = listen(undefined, third.user, url, third.thread);
      await eventually(() => next.status !== undefined);
      return next.status === 200;
    });
  });
});
