import { randomUUID } from 'node:crypto';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { eventually, follow, parseEvents } from '../../support/world/events';

/** Conversations once more: as they went on, and as they were. */
describe('Replay', () => {
  const { app, alice, bob, someone } = world();
  const mallory = someone('mallory', 'admin', 'globex');
  let id: string;

  beforeEach(async () => {
    id = (await alice.createThread()).id;
  });

  const ROLES: Record<string, string> = { s: 'system', u: 'user', a: 'assistant' };
  /** One message a letter, `gap` apart by the caller's clock. */
  const fill = async (letters: string, gap = 0, thread = id) => {
    const start = Date.UTC(2026, 0, 1);
    const messages = [...letters].map((letter, index) => ({
      role: ROLES[letter],
      content: `${index + 1}`,
      timestamp: new Date(start + index * gap).toISOString(),
    }));
    for (let sent = 0; sent < messages.length; sent += 1000)
      await alice.addMessages(thread, messages.slice(sent, sent + 1000));
  };
  const replay = async (query = '', headers: Record<string, string> = {}) => {
    const { status, text, body } = await alice.with(headers).get(`/threads/${id}/replay${query}`);
    expect({ status, body: status === 200 ? undefined : body }).toEqual({ status: 200, body: undefined });
    return parseEvents(text);
  };
  const shown = (events: { event: string; data: any }[]) =>
    events.map(({ event, data }) =>
      event === 'turn'
        ? `${data.index}${data.continued ? '+' : ''}:${data.messages.map(({ seq }: any) => seq).join()}`
        : `${event} ${data.turns ?? data.code}`,
    );

  it('N33 gives the turns in order, each with what was answered, and changes nothing', async () => {
    await fill('ssuauaau');
    const before = (await alice.get(`/threads/${id}`)).body;
    const { data } = (await alice.get(`/threads/${id}/messages`)).body;
    const events = await replay();
    expect(shown(events)).toEqual(['0:1,2', '1:3,4', '2:5,6,7', '3:8', 'end 4']);
    expect(events.slice(0, -1).flatMap((event) => event.data.messages)).toEqual(data);
    expect((await alice.get(`/threads/${id}`)).body).toEqual(before);
    id = (await alice.createThread()).id;
    expect(shown(await replay())).toEqual(['end 0']);
  });

  it.each([
    ['?from_seq=4', ['1+:4', '2:5,6,7', '3:8']],
    ['?from_seq=5', ['2:5,6,7', '3:8']],
    ['?from_turn=2', ['2:5,6,7', '3:8']],
    ['?from_turn=0&up_to_turn=1', ['0:1,2', '1:3,4']],
    ['?up_to_turn=0', ['0:1,2']],
    ['?from_turn=2&up_to_turn=2', ['2:5,6,7']],
    ['?up_to_seq=6', ['0:1,2', '1:3,4', '2:5,6']],
    ['?from_turn=9', []],
    ['?from_seq=100', []],
    ['?up_to_turn=9&from_turn=3', ['3:8']],
  ])('N33 from any point, up to any other: %s', async (query, expected) => {
    await fill('ssuauaau');
    expect(shown(await replay(query)).slice(0, -1)).toEqual(expected);
  });

  it('N33 goes on behind each turn, to the same end', async () => {
    await fill('suauaua');
    const events = await replay();
    await alice.addMessage(id, 'said since');
    for (const [index, { id: lastEventId }] of events.slice(0, -1).entries()) {
      const rest = await replay('?from_turn=1', { 'last-event-id': lastEventId! });
      expect(rest.slice(0, -1)).toEqual(events.slice(index + 1, -1));
      expect((await replay(`?last_event_id=${lastEventId}`)).length).toBe(rest.length);
    }
  });

  it('N33 keeps the pace, and cuts long gaps', async () => {
    await fill('ua'.repeat(4), 150);
    const began = performance.now();
    expect(shown(await replay('?speed=1'))).toHaveLength(5);
    // Three gaps of 300 ms. A timer may be early by a millisecond, never late enough to fail here.
    expect(performance.now() - began).toBeGreaterThanOrEqual(3 * 299);
    // A day between turns, which nobody waits for.
    id = (await alice.createThread()).id;
    await fill('ua'.repeat(4), 43_200_000);
    expect(shown(await replay('?speed=max'))).toHaveLength(5);
    expect(shown(await replay('?speed=1&max_gap_ms=20'))).toHaveLength(5);
    expect(shown(await replay('?speed=864000&max_gap_ms=3600000'))).toHaveLength(5);
  });

  it('N33 gives each turn when its time has come, not all at the end; who leaves ends it', async () => {
    await fill('uu', 3_600_000);
    const stream = follow(alice, app.url, `/threads/${id}/replay?speed=1&max_gap_ms=3600000`);
    await stream.until(() => stream.named('turn').length === 1);
    expect(stream.closed).toBe(false);
    stream.leave();
    await eventually(() => stream.closed);
  });

  it('N33 ends when the thread goes out of sight, in the middle of a wait', async () => {
    await fill('uu', 3_600_000);
    await app.db.query(`INSERT INTO users (org_id, id) VALUES ('acme', 'bob') ON CONFLICT DO NOTHING`);
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by)
       VALUES ('acme', gen_random_uuid(), $1, 'bob', 'read', 'alice')`,
      [id],
    );
    const stream = follow(bob, app.url, `/threads/${id}/replay?speed=1&max_gap_ms=3600000`);
    await stream.until(() => stream.named('turn').length === 1);
    await app.db.query('DELETE FROM shares WHERE thread_id = $1', [id]);
    await stream.until(() => stream.closed);
    expect(stream.events.at(-1)).toMatchObject({ event: 'end', data: { code: 'THREAD_NOT_FOUND' } });
  });

  it('N33 X02 replays 10,000 messages page by page', async () => {
    await fill('uaaa'.repeat(2500));
    const events = await replay();
    expect(events.at(-1)).toMatchObject({ event: 'end', data: { turns: 2500 } });
    const seqs = events.slice(0, -1).flatMap(({ data }) => data.messages.map(({ seq }: any) => seq as number));
    expect(seqs).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
    expect(events.slice(0, -1).every(({ data }, index) => data.index === index + 1)).toBe(true);
  });

  it.each([
    ['speed=0'],
    ['speed=-1'],
    ['speed=fast'],
    ['speed=1e3'],
    ['from_seq=0'],
    ['from_turn=-1'],
    ['max_gap_ms=x'],
    ['from_seq=1&from_turn=1'],
    ['up_to_seq=1&up_to_turn=1'],
    ['last_event_id=x'],
    ['last_event_id=1.2'],
    ['last_event_id=1.2.3'],
  ])('N33 refuses %s', async (query) => {
    expectProblem(await alice.get(`/threads/${id}/replay?${query}`), 400);
  });

  it('N33 lists the turns of a session, up to one of them, and leaves it as it is', async () => {
    const session = randomUUID();
    const { body } = await alice.post('/sessions', { session_id: session });
    await fill('suauaua', 0, body.thread_id);
    const before = (await alice.get(`/sessions/${session}`)).body;
    const { data } = (await alice.get(`/sessions/${session}/messages`)).body;
    const list = async (range: object) => (await alice.post(`/sessions/${session}/replay`, range)).body;
    const all = await list({});
    expect(all).toMatchObject({ session_id: session, next_seq: null });
    expect(all.turns.map(({ index }: any) => index)).toEqual([0, 1, 2, 3]);
    expect(all.turns.flatMap(({ messages }: any) => messages)).toEqual(data);
    expect((await list({ up_to: 2, from_turn: 1 })).turns).toEqual(all.turns.slice(1, 3));
    const events = parseEvents((await alice.get(`/sessions/${session}/replay`)).text);
    expect(events.slice(0, -1).map((event) => event.data)).toEqual(all.turns);
    expect((await alice.get(`/sessions/${session}`)).body).toEqual(before);
    for (const stranger of [bob, mallory]) {
      expectProblem(await stranger.post(`/sessions/${session}/replay`, {}), 404, 'SESSION_NOT_FOUND');
      expectProblem(await stranger.get(`/sessions/${session}/replay`), 404, 'SESSION_NOT_FOUND');
      expectProblem(await stranger.get(`/threads/${body.thread_id}/replay`), 404, 'THREAD_NOT_FOUND');
    }
    expectProblem(await alice.get(`/threads/${randomUUID()}/replay`), 404, 'THREAD_NOT_FOUND');
  });

  it('N33 begins anew when the session has another thread by now', async () => {
    const session = randomUUID();
    const path = `/sessions/${session}/replay`;
    const first = await alice.post('/sessions', { session_id: session });
    await fill('uauaua', 0, first.body.thread_id);
    const [, { id: lastEventId }] = parseEvents((await alice.get(path)).text);
    const resume = async (query = '') =>
      shown(parseEvents((await alice.with({ 'last-event-id': lastEventId! }).get(path + query)).text));
    expect(await resume()).toEqual(['3:5,6', 'end 1']);
    expect((await alice.delete(`/sessions/${session}`)).status).toBe(200);
    const second = await alice.post('/sessions', { session_id: session });
    await fill('uauauaua', 0, second.body.thread_id);
    expect(await resume()).toEqual(['1:1,2', '2:3,4', '3:5,6', '4:7,8', 'end 4']);
    expect(await resume('?from_turn=4')).toEqual(['4:7,8', 'end 1']);
  });

  it('N33 lists 1000 messages at most, and says where to go on', async () => {
    const session = randomUUID();
    const { body } = await alice.post('/sessions', { session_id: session });
    await fill('uaa'.repeat(500), 0, body.thread_id);
    const list = async (range: object) => (await alice.post(`/sessions/${session}/replay`, range)).body;
    const first = await list({});
    expect(first.next_seq).toBe(1001);
    const second = await list({ from_seq: first.next_seq });
    expect(second.next_seq).toBeNull();
    expect(second.turns[0]).toMatchObject({ index: 334, continued: true, messages: [{ seq: 1001 }, { seq: 1002 }] });
    expect(second.turns[1]).toMatchObject({ index: 335, continued: false });
    const seqs = [...first.turns, ...second.turns].flatMap(({ messages }: any) => messages.map(({ seq }: any) => seq));
    expect(seqs).toEqual(Array.from({ length: 1500 }, (_, index) => index + 1));
  });

  describe('as_of', () => {
    const SEQS = ({ body }: { body: any }) => body.data.map(({ seq }: any) => seq as number);

    it('N33 shows the messages up to a number, and counts only those', async () => {
      await fill('uauauaua');
      const get = (query: Record<string, string | number>) => alice.get(`/threads/${id}/messages`, { query });
      for (const [as_of, expected] of [
        [0, []],
        [3, [1, 2, 3]],
        [8, [1, 2, 3, 4, 5, 6, 7, 8]],
        [Number.MAX_SAFE_INTEGER, [1, 2, 3, 4, 5, 6, 7, 8]],
      ] as const) {
        const answer = await get({ as_of });
        expect([SEQS(answer), answer.body.total]).toEqual([expected, expected.length]);
      }
      const page = await get({ as_of: 5, limit: 2, order: 'desc' });
      expect([SEQS(page), page.body.total, page.body.has_more]).toEqual([[5, 4], 5, true]);
      const next = await get({ as_of: 5, limit: 3, order: 'desc', after: page.body.next_cursor });
      expect([SEQS(next), next.body.has_more]).toEqual([[3, 2, 1], false]);
      expect(SEQS(await get({ as_of: 6, last: 2 }))).toEqual([5, 6]);
      expect(SEQS(await get({ as_of: 6, before_seq: 4 }))).toEqual([1, 2, 3]);
      expect(SEQS(await get({ as_of: 6, after_seq: 4 }))).toEqual([5, 6]);
      expect((await get({ as_of: 3, limit: 0 })).body).toMatchObject({ data: [], total: 3 });
      expect((await get({})).body.total).toBe(8);
      for (const as_of of [-1, 1.5, 'x']) expectProblem(await get({ as_of }), 400, 'VALIDATION_FAILED');
    });

    it('N33 shows what is there now: edits and removals since are in it', async () => {
      await fill('uaua');
      const [, second, third] = (await alice.get(`/threads/${id}/messages`)).body.data;
      await alice.patch(`/messages/${second.id}`, { content: 'edited' });
      await alice.delete(`/messages/${third.id}`);
      await alice.addMessage(id, 'since');
      const { body } = await alice.get(`/threads/${id}/messages`, { query: { as_of: 4 } });
      expect(body.data.map(({ content }: any) => content.text)).toEqual(['1', 'edited', '4']);
      expect(body.total).toBe(3);
    });

    it('N33 bounds the histories too', async () => {
      const session = randomUUID();
      const { body } = await alice.post('/sessions', { session_id: session });
      await fill('uauaua', 0, body.thread_id);
      const history = await alice.get(`/threads/${body.thread_id}/history`, { query: { as_of: 4, limit: 3 } });
      expect(history.body.data.map(({ content }: any) => content)).toEqual(['2', '3', '4']);
      expect(history.body).toMatchObject({ total: 4, has_more: true });
      const { next_cursor: after } = history.body;
      const older = await alice.get(`/threads/${body.thread_id}/history`, { query: { as_of: 4, after } });
      expect(older.body).toMatchObject({ data: [{ content: '1' }], total: 4, has_more: false });
      const messages = await alice.get(`/sessions/${session}/messages`, { query: { as_of: 2 } });
      expect([SEQS(messages), messages.body.total]).toEqual([[1, 2], 2]);
      const turns = await alice.get(`/sessions/${session}/history`, { query: { as_of: 3, max_turns: 2 } });
      expect(turns.body).toMatchObject({ total_turns: 3, history: [{ content: '2' }, { content: '3' }] });
      for (const path of [`/threads/${body.thread_id}/messages`, `/sessions/${session}/messages`])
        for (const stranger of [bob, mallory]) expectProblem(await stranger.get(path, { query: { as_of: 2 } }), 404);
    });
  });
});
