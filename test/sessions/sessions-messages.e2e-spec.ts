import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';

describe('Messages of sessions', () => {
  const { app, alice, bob, admin, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];
  let id: string;

  beforeEach(() => void (id = randomUUID()));

  const post = (body: object, headers = {}, client = alice) => client.post(`/sessions/${id}/messages`, body, headers);
  const user = (content: string, extra = {}) => ({ role: 'user', content, ...extra });
  const many = (count: number, from = 0) => Array.from({ length: count }, (_, n) => user(`msg-${n + from}`));
  const page = async (query = {}): Promise<any> => (await alice.get(`/sessions/${id}/messages`, { query })).body;
  const texts = async (query = {}): Promise<string[]> => (await page(query)).data.map((m: any) => m.content);
  const history = (query = {}) => alice.get(`/sessions/${id}/history`, { query });
  const session = async (): Promise<any> => (await alice.get(`/sessions/${id}`)).body;

  it('N13 C02 history has exactly role and text, and counts what it answers and what there is', async () => {
    await post(user('Question', { metadata: { a: 1 }, name: 'Ann' }));
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    await post({ role: 'assistant', content: null, tool_calls: [call] });
    await post({
      role: 'tool',
      tool_call_id: 'c',
      content: [
        { type: 'text', text: 'a' },
        { type: 'image', url: 'u' },
      ],
    });
    expect((await history()).body).toEqual({
      session_id: id,
      turn_count: 3,
      total_turns: 3,
      history: [
        { role: 'user', content: 'Question' },
        { role: 'assistant', content: '' },
        { role: 'tool', content: 'a' },
      ],
    });
    for (const stranger of strangers) {
      expectProblem(await stranger.get(`/sessions/${id}/history`), 404, 'SESSION_NOT_FOUND');
      expectProblem(await stranger.get(`/sessions/${id}/messages`), 404, 'SESSION_NOT_FOUND');
    }
  });

  it('N11 N12 N14 N45 answers the newest 20 turns, or max_turns, oldest first', async () => {
    await post({ messages: many(30) });
    const { body } = await history();
    expect(body).toMatchObject({ turn_count: 20, total_turns: 30 });
    expect(body.history.map((entry: any) => entry.content)).toEqual(many(20, 10).map(({ content }) => content));
    expect((await history({ max_turns: 2 })).body).toMatchObject({ turn_count: 2, total_turns: 30 });
    expect((await history({ max_turns: 10 })).body.turn_count).toBe(10);
    expect((await history({ max_turns: 50 })).body.turn_count).toBe(30);
    expect((await history({ max_turns: 1000 })).status).toBe(200);
    for (const max_turns of [0, -1, 1001, 1.5, 'x', '']) {
      expectProblem(await history({ max_turns }), 400, 'VALIDATION_FAILED');
    }
  });

  it('S16 S17 S18 U130 U138 keeps a tool call as it came, ready for a model', async () => {
    const call = { id: 'call_abc', type: 'function', function: { name: 'lookup', arguments: '{"user_id":  "123"}' } };
    const flow = [
      user('Where is my order?'),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_abc', name: 'lookup', content: '{"order": 7}' },
      { role: 'assistant', content: 'On its way.' },
    ];
    const { status, body } = await post({ messages: flow });
    expect([status, body.message_count, body.total]).toEqual([201, 4, 4]);
    const { data } = await page();
    expect(data).toEqual(body.data);
    expect(
      data.map(({ role, content, tool_calls, tool_call_id, name }: any) =>
        JSON.parse(JSON.stringify({ role, content, tool_calls, tool_call_id, name })),
      ),
    ).toEqual(flow);
    expect(data[1].tool_calls[0].function.arguments).toBe('{"user_id":  "123"}');
    expectProblem(await post({ role: 'assistant' }), 400, 'VALIDATION_FAILED');
    expectProblem(await post({ role: 'foo', content: 'x' }), 400, 'VALIDATION_FAILED');
    expectProblem(await post({ messages: [user('ok'), { role: 'tool', content: 'x' }, user('ok')] }), 400);
    expect((await page()).total).toBe(4);
  });

  it('U45 U46 U136 U137 S24 C05 C06 pages from the oldest, and the tail by last', async () => {
    await post({ messages: many(5) });
    expect((await page()).total).toBe(5);
    expect([await texts({ limit: 2 }), (await page({ limit: 2 })).total]).toEqual([['msg-0', 'msg-1'], 5]);
    expect(await texts({ limit: 2, offset: 3 })).toEqual(['msg-3', 'msg-4']);
    expect(await page({ offset: 9 })).toMatchObject({ data: [], total: 5 });
    expect(await page({ limit: 0 })).toMatchObject({ data: [], total: 5 });
    expect(await texts({ last: 2 })).toEqual(['msg-3', 'msg-4']);
    expect(await texts({ last: 100 })).toHaveLength(5);
    expect(await texts({ order: 'desc', limit: 1 })).toEqual(['msg-4']);
    expect(await texts({ after_seq: 3 })).toEqual(['msg-3', 'msg-4']);
    expect((await alice.all(`/sessions/${id}/messages`, { limit: 2 })).map((m) => m.seq)).toEqual([1, 2, 3, 4, 5]);
    for (const query of [{ limit: -1 }, { limit: 1001 }, { last: 0 }, { nope: 1 }, { after: 'x' }]) {
      expectProblem(await alice.get(`/sessions/${id}/messages`, { query }), 400);
    }
    await alice.delete(`/sessions/${id}/messages`);
    expect(await page({ last: 3 })).toMatchObject({ data: [], total: 0 });
  });

  it('U47 U61 U62 U63 U64 start_seq skips what is there, goes on, and beyond the end means at the end', async () => {
    const send = async (start_seq: number, messages: object[]) => {
      const { status, body } = await post({ start_seq, messages });
      return [status, body.total ?? body.code];
    };
    expect(await send(0, many(3))).toEqual([201, 3]);
    expect(await send(0, many(3))).toEqual([200, 3]);
    expect(await send(0, many(5))).toEqual([201, 5]);
    expect(await send(3, many(4, 3))).toEqual([201, 7]);
    expect(await send(99, many(1, 7))).toEqual([201, 8]);
    expect(await send(1, [user('another')])).toEqual([409, 'START_SEQ_CONFLICT']);
    expect(await texts()).toEqual(many(8).map(({ content }) => content));
    expect(await post({ messages: [] })).toMatchObject({ status: 200, body: { message_count: 0, total: 8 } });
  });

  it('U65 the first append makes a list, the next go on with it, in order, and nothing of what was sent changes', async () => {
    const sent = many(6);
    const copy = structuredClone(sent);
    expect(await post({ messages: sent.slice(0, 2) })).toMatchObject({ status: 201, body: { total: 2 } });
    expect(await post({ messages: sent.slice(2) })).toMatchObject({ status: 201, body: { total: 6 } });
    expect(await texts()).toEqual(copy.map(({ content }) => content));
  });

  it('U66 an empty batch makes no session; an empty session is 200 with nothing, a missing one 404', async () => {
    expectProblem(await post({ messages: [] }), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.get(`/sessions/${id}/messages`), 404, 'SESSION_NOT_FOUND');
    await alice.post('/sessions', { session_id: id });
    expect(await page({})).toMatchObject({ data: [], total: 0 });
    expect(await post({ messages: [] })).toMatchObject({ status: 200, body: { data: [], total: 0, version: 1 } });
    expectProblem(await post({ messages: [], expected_version: 7 }), 409, 'VERSION_CONFLICT');
    expect((await alice.get(`/sessions/${id}`)).body).toMatchObject({ message_count: 0, version: 1 });
  });

  it('U67 16 writers of 50 each lose none of 800, and all go with the session', async () => {
    const write = async (writer: number) => {
      for (let n = 0; n < 50; n += 1) expect((await post(user(`${writer}-${n}`))).status).toBe(201);
    };
    await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
    const stored = (await alice.all(`/sessions/${id}/messages`)).map(({ content }) => content);
    expect(new Set(stored).size).toBe(800);
    // What one writer wrote stands in the order in which it was written.
    const of = (writer: number) => stored.filter((text) => text.startsWith(`${writer}-`));
    for (let writer = 0; writer < 16; writer += 1)
      expect(of(writer)).toEqual(Array.from({ length: 50 }, (_, n) => `${writer}-${n}`));
    await alice.delete(`/sessions/${id}`);
    expectProblem(await alice.get(`/sessions/${id}/messages`), 404, 'SESSION_NOT_FOUND');
    expect((await app.db.query("SELECT FROM messages WHERE content->>'text' = $1", ['15-49'])).rows).toEqual([]);
  });

  it('a message id and an Idempotency-Key make a retry safe, also of the message that makes the session', async () => {
    const message = user('once', { id: randomUUID() });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(message)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
    expectProblem(await post({ ...message, content: 'twice' }), 409, 'MESSAGE_ID_CONFLICT');
    const key = { 'idempotency-key': randomUUID() };
    const twins = await Promise.all(Array.from({ length: 5 }, () => post(user('keyed'), key)));
    for (const { status, body } of twins) expect([status, body]).toEqual([201, twins[0].body]);
    expectProblem(await post(user('other'), key), 422, 'IDEMPOTENCY_KEY_REUSED');
    expect(await texts()).toEqual(['once', 'keyed']);
    id = randomUUID();
    const first = { 'idempotency-key': randomUUID() };
    const made = await Promise.all(Array.from({ length: 5 }, () => post(user('keyed'), first)));
    for (const { status, body } of made) expect([status, body]).toEqual([201, made[0].body]);
    expect((await session()).message_count).toBe(1);
    expectProblem(await post(message, {}, strangers[0]), 409, 'MESSAGE_ID_CONFLICT');
  });

  it('If-Match and expected_version let one of two writers in, and nobody into a session that is not there', async () => {
    await post(user('first'));
    const { etag } = (await alice.get(`/sessions/${id}`)).headers as Record<string, string>;
    const answers = await Promise.all([1, 2].map((n) => post(user(`${n}`), { 'if-match': etag })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 412]);
    expectProblem(await post(user('x', { expected_version: 2 })), 409, 'VERSION_CONFLICT');
    expect((await post(user('x', { expected_version: 3 }))).status).toBe(201);
    const clear = await alice.delete(`/sessions/${id}/messages`, { headers: { 'if-match': etag } });
    expectProblem(clear, 412, 'PRECONDITION_FAILED');
    id = randomUUID();
    for (const version of [1, 2]) {
      expectProblem(await post(user('x'), { 'if-match': `"${version}"` }), 412, 'PRECONDITION_FAILED');
      expectProblem(await post(user('x', { version })), 409, 'VERSION_CONFLICT');
    }
    expectProblem(await alice.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
  });

  it('F35 persist=false stores nothing, and makes no session', async () => {
    const dry = () => alice.post(`/sessions/${id}/messages?persist=false`, user('x'));
    expectProblem(await dry(), 404, 'SESSION_NOT_FOUND');
    await post(user('first'));
    expect(await dry()).toMatchObject({ status: 200, body: { seq: 0, content: 'x' } });
    expect((await page()).total).toBe(1);
  });

  it('G07 G02 knows one store, and refuses another one', async () => {
    const path = `/sessions/${id}/messages`;
    expect((await alice.post(`${path}?provider=postgres`, user('x'))).status).toBe(201);
    expect((await alice.get(`${path}?provider=postgres`)).body.total).toBe(1);
    expectProblem(await alice.post(`${path}?provider=nope`, user('x')), 400, 'VALIDATION_FAILED');
  });

  it('C01 is one conversation with the thread under it, in both directions', async () => {
    await post(user('by session'));
    const before = await session();
    const message = await alice.addMessage(before.thread_id, 'by thread');
    const after = await session();
    expect(after.last_activity > before.last_activity).toBe(true);
    expect([after.message_count, await texts()]).toEqual([2, ['by session', 'by thread']]);
    expect((await alice.patch(`/messages/${message.id}`, { content: 'edited' })).status).toBe(200);
    expect(await texts()).toEqual(['by session', 'edited']);
    const [bob] = strangers;
    expectProblem(await bob.post(`/threads/${before.thread_id}/messages`, user('x')), 404, 'THREAD_NOT_FOUND');
    expectProblem(await bob.delete(`/threads/${before.thread_id}`), 404, 'THREAD_NOT_FOUND');
    expect((await alice.delete(`/threads/${before.thread_id}`)).status).toBe(200);
    expectProblem(await alice.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    expect((await post(user('anew'))).body.seq).toBe(1);
  });

  it('50 parallel appends to a new id make one session of 50 messages', async () => {
    const second = alice.at((await app.second()).url);
    const answers = await Promise.all(many(50).map((message, n) => post(message, {}, n % 2 ? second : alice)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
    const { data, total } = await page();
    expect(total).toBe(50);
    expect(data.map((message: any) => message.seq)).toEqual(answers.map(({ body }) => body.seq).sort((a, b) => a - b));
    expect(new Set(await texts()).size).toBe(50);
    const { rows } = await app.db.query('SELECT count(*) AS n FROM sessions WHERE id = $1', [id]);
    expect(rows[0].n).toBe(1);
    expect([await brokenCounters(app.db), await threadsWithGaps(app.db)]).toEqual([[], []]);
  });
});
