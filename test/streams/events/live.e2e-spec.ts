import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { StreamsService } from '../../../src/streams/streams.service';
import { WatchesRepository } from '../../../src/streams/watches.repository';
import { FeedRepository } from '../../../src/messages/feed/feed.repository';
import { FeedService } from '../../../src/messages/feed/feed.service';
import { world } from '../../support/world';
import { TestApp } from '../../support/world/app';
import { expectProblem } from '../../support/world/client';
import { eventually, follow, type LiveConnection } from '../../support/world/events';

/** A thread as server-sent events. */
describe('Live events', () => {
  const { app, alice, bob } = world();
  let other: TestApp;
  let id: string;
  const open: LiveConnection[] = [];

  beforeAll(async () => {
    other = await app.second();
    await bob.createThread();
  });
  beforeEach(async () => {
    id = (await alice.createThread()).id;
  });
  afterEach(async () => {
    for (const connection of open.splice(0)) connection.leave();
  });

  const listen = (client = alice, query = '', lastEventId?: string, url = app.url) => {
    const connection = follow(client, url, `/threads/${id}/events${query}`, { lastEventId });
    open.push(connection);
    return connection;
  };
  const ready = async (connection: LiveConnection) => {
    await connection.until(() => connection.named('ready').length === 1);
    return connection;
  };
  const contents = (connection: LiveConnection) =>
    connection.named('appended').map(({ message }) => message.content.text as string);
  const say = (texts: string[], client = alice) =>
    client.addMessages(
      id,
      texts.map((content) => ({ role: 'user', content })),
    );

  /** The id of an event of the thread. */
  const eventId = (seq: number, version: number, at: number, thread = id) =>
    `${seq}.${version}.${at}.${thread.slice(-12)}`;

  /** What the writers of edits and removals do: the change, the thread's version, and a line in the log. */
  const change = async (kind: string, seqs: number[] | null, statement?: string) => {
    const db = await app.db.connect();
    try {
      await db.query('BEGIN');
      await db.query(`UPDATE threads SET version = version + 1, updated_at = clock_timestamp() WHERE id = $1`, [id]);
      if (statement) await db.query(statement, [id, seqs]);
      await db.query(
        `INSERT INTO message_changes (org_id, thread_id, version, kind, seqs, created_at)
         SELECT org_id, id, version, $2, $3, updated_at FROM threads WHERE id = $1`,
        [id, kind, seqs],
      );
      await db.query(
        `UPDATE threads SET (message_count, token_count) =
           (SELECT count(*), coalesce(sum(token_count), 0) FROM messages WHERE thread_id = $1) WHERE id = $1`,
        [id],
      );
      await db.query('COMMIT');
    } finally {
      db.release();
    }
  };
  const REWRITE = `UPDATE messages SET content = '{"type":"text","text":"edited"}' WHERE thread_id = $1 AND seq = ANY($2)`;
  const REMOVE = 'DELETE FROM messages WHERE thread_id = $1 AND seq = ANY($2)';
  const PUT_BACK = `INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at)
    SELECT t.org_id, t.id, seq, gen_random_uuid(), 'user', '{"type":"text","text":"restored"}', now(), now()
    FROM threads t, unnest($2::bigint[]) seq WHERE t.id = $1`;

  it('N33 tells of what is appended, on this instance and on another, and of nothing before', async () => {
    await say(['old']);
    const live = await ready(listen());
    expect(live.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    expect(live.named('ready')).toEqual([{ thread_id: id, seq: 1, version: expect.any(Number) }]);
    const [first] = await say(['here']);
    await say(['there'], alice.at(other.url));
    await live.until(() => contents(live).length === 2);
    expect(contents(live)).toEqual(['here', 'there']);
    expect(live.named('appended')[0].message).toEqual(first);
  });

  it('N33 begins at a message', async () => {
    await say(['1', '2', '3']);
    const live = listen(alice, '?from_seq=2');
    await live.until(() => contents(live).length === 2);
    const all = listen(alice, '?from_seq=1');
    await all.until(() => contents(all).length === 3);
    await say(['4']);
    for (const connection of [live, all]) await connection.until(() => contents(connection).includes('4'));
    expect([contents(live), contents(all)]).toEqual([
      ['2', '3', '4'],
      ['1', '2', '3', '4'],
    ]);
  });

  it('N33 goes on behind any event, on any instance, with everything after it once', async () => {
    const live = await ready(listen());
    await say(['1', '2']);
    await live.until(() => contents(live).length === 2);
    await change('edited', [1], REWRITE);
    await live.until(() => live.named('edited').length === 1);
    await change('deleted', [2], REMOVE);
    await live.until(() => live.named('deleted').length === 1);
    await change('restored', [2], PUT_BACK);
    await live.until(() => live.named('restored').length === 1);
    await say(['3']);
    await live.until(() => contents(live).length === 3);
    const names = live.events.map(({ event }) => event);
    expect(names).toEqual(['ready', 'appended', 'appended', 'edited', 'deleted', 'restored', 'appended']);
    expect(live.named('edited')[0].messages).toMatchObject([{ seq: 1, content: { text: 'edited' } }]);
    expect(live.named('deleted')).toEqual([{ seqs: [2] }]);
    expect(live.named('restored')[0].messages).toMatchObject([{ seq: 2, content: { text: 'restored' } }]);

    for (const [index, { id: lastEventId }] of live.events.entries()) {
      const again = listen(alice, '', lastEventId, index % 2 ? app.url : other.url);
      // Behind the first events, what has been deleted or edited since comes as it is now.
      const heard = new Map<number, string>();
      for (const { event, data } of live.events.slice(1, index + 1)) hear(heard, event, data);
      const count = () => again.named('appended').length + again.named('restored').length;
      await again.until(() => JSON.stringify(state(again, heard)) === '[[1,"edited"],[2,"restored"],[3,"3"]]');
      expect(again.named('appended').map(({ message }) => message.seq)).toEqual(
        [1, 2, 3].filter((seq) => seq > Math.max(0, ...heard.keys(), index >= 2 ? 2 : 0)),
      );
      expect(count()).toBeLessThanOrEqual(3);
      again.leave();
      await eventually(() => again.closed);
    }
  });

  /** What a client has that does as it is told. */
  const hear = (known: Map<number, string>, event: string, data: any) => {
    if (event === 'appended') known.set(data.message.seq, data.message.content.text);
    if (event === 'edited' || event === 'restored')
      for (const { seq, content } of data.messages) known.set(seq, content.text);
    if (event === 'deleted') for (const seq of data.seqs) known.delete(seq);
  };
  const state = (connection: LiveConnection, before = new Map<number, string>()) => {
    const known = new Map(before);
    for (const { event, data } of connection.events) hear(known, event, data);
    return [...known].sort(([a], [b]) => a - b);
  };

  it('N33 says nothing of messages that the reader has not been given yet, but gives them as they are', async () => {
    await say(['1', '2', '3']);
    await change('edited', [2], REWRITE);
    await change('deleted', [3], REMOVE);
    const { version } = (await alice.get(`/threads/${id}`)).body;
    const live = listen(alice, '', eventId(0, version - 3, Math.floor(Date.now() / 1000)));
    await say(['4']);
    await live.until(() => contents(live).length === 3);
    expect(live.events.map(({ event }) => event)).toEqual(['ready', 'appended', 'appended', 'appended']);
    expect(contents(live)).toEqual(['1', 'edited', '4']);
    // What was passed over comes when it is there again.
    await change('restored', [3], PUT_BACK);
    await live.until(() => live.named('restored').length === 1);
    expect(live.named('restored')[0].messages).toMatchObject([{ seq: 3 }]);
  });

  it('N33 tells of edits and deletions that other routes make', async () => {
    const [first, second] = await say(['1', '2', '3']);
    const live = await ready(listen());
    await alice.at(other.url).patch(`/messages/${first.id}`, { content: 'better' });
    await live.until(() => live.named('edited').length === 1);
    await alice.at(other.url).delete(`/messages/${second.id}`);
    await live.until(() => live.named('deleted').length === 1);
    expect(live.named('edited')[0].messages).toMatchObject([{ id: first.id, content: { text: 'better' } }]);
    expect(live.named('deleted')).toEqual([{ seqs: [2] }]);
    await alice.delete(`/threads/${id}/messages`);
    await live.until(() => live.named('deleted').length === 2);
    expect(live.named('deleted')[1]).toEqual({ seqs: [1, 3] });
  });

  it('N33 has the client read the thread anew after a reset, or when the log may not reach back', async () => {
    await say(['1', '2']);
    const live = await ready(listen());
    await change('reset', null);
    await live.until(() => live.named('reset').length === 1);
    expect(live.named('reset')).toEqual([{ seq: 2, version: expect.any(Number) }]);
    const { version } = live.named('reset')[0];
    const now = Math.floor(Date.now() / 1000);
    const WEEK = 7 * 86_400;
    const old = listen(alice, '', eventId(1, version - 1, now - WEEK));
    const alien = listen(alice, '', eventId(99, version, now));
    const young = listen(alice, '', eventId(1, version, now - WEEK));
    await old.until(() => old.named('reset').length === 1);
    await alien.until(() => alien.named('reset').length === 1);
    // The version is the same: there is nothing that a log could have forgotten.
    await young.until(() => contents(young).length === 1);
    expect([contents(young), young.named('reset')]).toEqual([['2'], []]);
    await say(['3']);
    for (const connection of [old, alien]) {
      await connection.until(() => contents(connection).length === 1);
      expect(contents(connection)).toEqual(['3']);
    }
  });

  it('N33 follows long logs and long threads in batches', async () => {
    await say(Array.from({ length: 350 }, (_, index) => `${index}`));
    const live = listen(alice, '?from_seq=1');
    await live.until(() => contents(live).length === 350);
    const { id: lastEventId } = live.events.at(-1)!;
    live.leave();
    for (let seq = 1; seq <= 230; seq += 1) await change('edited', [seq], REWRITE);
    await say(['last']);
    const again = listen(alice, '', lastEventId);
    await again.until(() => contents(again).length === 1);
    expect(again.events.at(-1)!.event).toBe('appended');
    expect(again.named('edited').map(({ messages }) => messages[0].seq)).toEqual(
      Array.from({ length: 230 }, (_, index) => index + 1),
    );
    expect(contents(live)).toEqual(Array.from({ length: 350 }, (_, index) => `${index}`));
  });

  it.each([...['x', '1', '1.2', '1.2.3', '1.2.3.4', '-1.0.0.0123456789ab', '1.2.3.0123456789abc']])(
    'N33 refuses an id that no event had: %s',
    async (lastEventId) => {
      const client = alice.with({ 'last-event-id': lastEventId });
      expectProblem(await client.get(`/threads/${id}/events`), 400, 'INVALID_EVENT_ID');
      expectProblem(await alice.get(`/threads/${id}/events`, { query: { last_event_id: lastEventId } }), 400);
    },
  );

  it('N33 C48 is a 404 for strangers', async () => {
    const mallory = await app.as('globex', 'mallory', 'admin');
    const missing = await alice.get(`/threads/${randomUUID()}/events`);
    expectProblem(missing, 404, 'THREAD_NOT_FOUND');
    for (const stranger of [bob, mallory]) {
      const answer = await stranger.get(`/threads/${id}/events`);
      expectProblem(answer, 404, 'THREAD_NOT_FOUND');
      const resumed = await stranger.with({ 'last-event-id': eventId(0, 0, 0) }).get(`/threads/${id}/events`);
      expectProblem(resumed, 404, 'THREAD_NOT_FOUND');
    }
  });

  const share = async (expires: string | null = null) => {
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by, expires_at)
       VALUES ('acme', gen_random_uuid(), $1, 'bob', 'read', 'alice', now() + $2::interval)`,
      [id, expires],
    );
  };

  it.each([
    ['a revoked share', () => share(), () => app.db.query('DELETE FROM shares WHERE thread_id = $1', [id])],
    [
      'a share that ends by itself',
      () => share('1 hour'),
      () => app.db.query(`UPDATE shares SET expires_at = now() + interval '300 ms' WHERE thread_id = $1`, [id]),
    ],
    ['the trash', () => share(), () => app.db.query('UPDATE threads SET deleted_at = now() WHERE id = $1', [id])],
    ['a deletion', () => share(), () => app.db.query('DELETE FROM threads WHERE id = $1', [id])],
  ])('N33 ends a stream on another instance: %s', async (_, begin, end) => {
    await begin();
    const live = await ready(listen(bob, '', undefined, other.url));
    await say(['shared']);
    await live.until(() => contents(live).length === 1);
    await end();
    await live.until(() => live.closed);
    expect(live.events.at(-1)).toMatchObject({ event: 'end', data: { code: 'THREAD_NOT_FOUND' } });
    expectProblem(await bob.at(other.url).get(`/threads/${id}/events`), 404, 'THREAD_NOT_FOUND');
  });

  it('N33 ends with the key that opened it', async () => {
    const admin = await app.as('acme', 'root', 'admin');
    const { body } = await admin.post('/keys', { name: 'short', role: 'member', user_id: 'alice' });
    const guest = alice.with({ authorization: `Bearer ${body.key}` });
    const live = await ready(listen(guest, '', undefined, other.url));
    expect((await admin.delete(`/keys/${body.id}`)).status).toBe(200);
    await live.until(() => live.closed);
    expect(live.events.at(-1)).toMatchObject({ event: 'end', data: { code: 'INVALID_API_KEY' } });
    expectProblem(await guest.get(`/threads/${id}/events`), 401, 'INVALID_API_KEY');
  });

  it('N33 follows a session, until it has another thread or none', async () => {
    const session = randomUUID();
    const path = `/sessions/${session}/events`;
    expectProblem(await alice.get(path), 404, 'SESSION_NOT_FOUND');
    await alice.post('/sessions', { session_id: session });
    expectProblem(await bob.get(path), 404, 'SESSION_NOT_FOUND');
    const live = follow(alice, other.url, path);
    open.push(live);
    await ready(live);
    await alice.post(`/sessions/${session}/messages`, { role: 'user', content: 'Hello' });
    await live.until(() => live.named('appended').length === 1);
    const { data } = (await alice.get(`/sessions/${session}/messages`)).body;
    expect(live.named('appended').map(({ message }) => message)).toEqual(data);
    // Put to sleep: the thread is there, the session is not.
    await app.db.query('UPDATE threads SET session_id = NULL WHERE session_id = $1', [session]);
    await live.until(() => live.closed);
    expect(live.events.at(-1)).toMatchObject({ event: 'end', data: { code: 'SESSION_NOT_FOUND' } });
  });

  it('N33 has a client read a session anew that has another thread by now, however often it has to come back', async () => {
    const session = randomUUID();
    const path = `/sessions/${session}`;
    const post = async (text: string) =>
      expect((await alice.post(`${path}/messages`, { role: 'user', content: text })).status).toBe(201);
    const said = (connection: LiveConnection) => connection.named('appended').map(({ message }) => message.content);
    const resume = (lastEventId?: string, from = path) => {
      const connection = follow(alice, other.url, `${from}/events`, { lastEventId });
      open.push(connection);
      return connection;
    };
    await alice.post('/sessions', { session_id: session });
    for (const text of ['a1', 'a2', 'a3']) await post(text);
    const first = await ready(resume());
    const threads = [first.named('ready')[0].thread_id];
    first.leave();
    expect((await alice.delete(path)).status).toBe(200);
    for (const text of ['b1', 'b2', 'b3', 'b4', 'b5', 'b6']) await post(text);

    const second = resume(first.lastEventId);
    await second.until(() => second.named('reset').length === 1);
    threads.push(second.named('ready')[0].thread_id);
    expect(threads[1]).not.toBe(threads[0]);
    expect(second.events.slice(0, 2).map(({ event }) => event)).toEqual(['ready', 'reset']);
    expect(second.named('reset')).toEqual([{ seq: 6, version: expect.any(Number) }]);
    // What is said from here on comes, and nothing that the client has read after the reset.
    await post('b7');
    await second.until(() => said(second).length === 1);
    expect(said(second)).toEqual(['b7']);
    // Cut off before it heard the reset, it still hears of it; after it, it goes on.
    const cut = resume(second.events[0].id);
    await cut.until(() => cut.named('reset').length === 1);
    const after = resume(second.events[1].id);
    await after.until(() => said(after).length === 1);
    expect([said(after), after.named('reset')]).toEqual([['b7'], []]);
    // The same of threads.
    const thread = resume(first.lastEventId, `/threads/${threads[1]}`);
    await thread.until(() => thread.named('reset').length === 1);
  });

  it('N33 X10 lets go of a stream that is being opened while the service stops', async () => {
    const stopping = await TestApp.over(app.database, { SHUTDOWN_GRACE_MS: '200000' });
    const find = FeedService.prototype.thread;
    let goOn = () => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const asked = jest.spyOn(FeedService.prototype, 'thread').mockImplementationOnce(async function (
      this: FeedService,
      ...args
    ) {
      const thread = await find.apply(this, args);
      await held;
      return thread;
    });
    const stopped = jest.spyOn(StreamsService.prototype, 'onModuleDestroy');
    const live = listen(alice, '', undefined, stopping.url);
    await eventually(() => asked.mock.calls.length === 1);
    const closing = stopping.close();
    await eventually(() => stopped.mock.calls.length === 1);
    goOn();
    await live.until(() => live.closed);
    await closing;
    // No `end`: the client is to come back.
    expect(live.events.map(({ event }) => event)).toEqual(['ready']);
    asked.mockRestore();
    stopped.mockRestore();
  });

  it('N33 ends with the token that opened it', async () => {
    const [secret, iss, aud] = ['a shared secret of more than 32 characters', 'https://id.example', 'throughline'];
    const { url } = await app.second({ JWT_SECRET: secret, JWT_ISSUER: iss, JWT_AUDIENCE: aud });
    const bearing = async (seconds: number) => {
      const jwt = await new SignJWT({ org_id: 'acme', sub: 'alice', iss, aud })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
        .sign(new TextEncoder().encode(secret));
      return alice.with({ authorization: `Bearer ${jwt}` }).at(url);
    };
    const long = await ready(listen(await bearing(3600), '', undefined, url));
    // Clocks may differ by five seconds.
    const guest = await bearing(3);
    const live = await ready(listen(guest, '', undefined, url));
    await live.until(() => live.closed);
    expect(live.events.at(-1)).toMatchObject({ event: 'end', data: { code: 'INVALID_TOKEN' } });
    expectProblem(await guest.get(`/threads/${id}/events`), 401, 'INVALID_TOKEN');
    await say(['still here']);
    await long.until(() => contents(long).length === 1);
    expect(long.closed).toBe(false);
  });

  it('N33 streams are counted, but not among the durations of requests', async () => {
    const admin = await app.as('acme', 'root', 'admin');
    expect((await alice.get(`/threads/${id}/replay`)).status).toBe(200);
    expect((await alice.get(`/threads/${id}`)).status).toBe(200);
    const label = (route: string) => `{method="GET",route="/api/threads/:id${route}"`;
    let lines: string[] = [];
    const has = (metric: string) => lines.some((line) => line.startsWith(metric));
    await eventually(async () => {
      lines = (await admin.get('//metrics')).body.split('\n');
      return ['', '/replay'].every((route) => has(`http_requests_total${label(route)},status="200"} `));
    });
    expect(has(`http_request_duration_seconds_count${label('')}} `)).toBe(true);
    expect(has(`http_request_duration_seconds_count${label('/replay')}} `)).toBe(false);
  });

  it('N33 has so many streams of one user, and a place again when one leaves', async () => {
    // An instance of its own: streams of other tests may not have left yet.
    const { url } = await app.second({ LIVE_MAX_STREAMS_PER_USER: '5' });
    const streams = await Promise.all(Array.from({ length: 5 }, () => ready(listen(alice, '', undefined, url))));
    const refused = await alice.at(url).get(`/threads/${id}/events`);
    expectProblem(refused, 429, 'TOO_MANY_STREAMS');
    // A request that fails takes no place, and others have their own.
    await share();
    await ready(listen(bob, '', undefined, url));
    await ready(listen(alice, '', undefined, other.url));
    streams[0].leave();
    await eventually(async () => {
      const next = listen(alice, '', undefined, url);
      await eventually(() => next.status !== undefined);
      return next.status === 200;
    });
  });

  it('N33 has so many streams of an instance', async () => {
    const small = await app.second({ LIVE_MAX_STREAMS: '1' });
    await ready(listen(alice, '', undefined, small.url));
    await share();
    const refused = await bob.at(small.url).get(`/threads/${id}/events`);
    expectProblem(refused, 503, 'STREAMS_EXHAUSTED');
    expect(refused.headers['retry-after']).toBe('1');
  });

  it('N33 keeps no writer waiting, and no messages, for a client that does not read', async () => {
    const reads = jest.spyOn(FeedRepository.prototype, 'slice');
    const path = `/threads/${id}/events`;
    const live = follow(alice, app.url, path, { paused: true });
    open.push(live);
    await eventually(() => live.status === 200);
    const text = 'lorem ipsum '.repeat(850);
    const [count, batch] = [2000, 100];
    for (let sent = 0; sent < count; sent += batch)
      await alice.addMessages(
        id,
        Array.from({ length: batch }, (_, index) => ({
          role: 'user',
          content: `${sent + index} ${text}`,
          token_count: 0,
        })),
      );
    const rows = await Promise.all(reads.mock.results.map(({ value }) => value as Promise<object[]>));
    const read = rows.flat().length;
    reads.mockRestore();
    // What the system's own buffers hold; the rest is still where it belongs.
    expect(read).toBeLessThan(count);
    live.resume();
    await live.until(() => live.closed || contents(live).length === count, 120_000);
    // On a slow machine it may have been cut off by now, as one who takes nothing for a minute is.
    const rest = live.closed ? listen(alice, '', live.lastEventId) : undefined;
    const heard = () => [live, rest].flatMap((connection) => (connection ? contents(connection) : []));
    await rest?.until(() => heard().length === count, 120_000);
    expect(heard().map((content) => Number(content.split(' ')[0]))).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
  }, 240_000);

  it('N33 asks the database nothing when nobody listens', async () => {
    const looks = jest.spyOn(WatchesRepository.prototype, 'sightings');
    const live = await ready(listen());
    await eventually(() => looks.mock.calls.length > 0);
    live.leave();
    await eventually(async () => {
      const before = looks.mock.calls.length;
      await new Promise((resolve) => setTimeout(resolve, 600));
      return looks.mock.calls.length === before;
    });
    looks.mockRestore();
  });
});
