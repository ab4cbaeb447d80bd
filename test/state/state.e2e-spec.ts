import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const user = (content: string, extra = {}) => ({ role: 'user', content, ...extra });
const assistant = (content: string, extra = {}) => ({ role: 'assistant', content, ...extra });

describe('State', () => {
  const { app, alice, bob, admin, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];
  let id: string;

  beforeEach(() => void (id = randomUUID()));

  const put = (body: object, client = alice) => client.put(`/sessions/${id}/state`, body);
  const get = (client = alice) => client.get(`/sessions/${id}/state`);
  const load = async (): Promise<any> => (await get()).body;
  const say = (content: string, client = alice) => client.post(`/sessions/${id}/messages`, user(content));
  const remove = (client = alice) => client.delete(`/sessions/${id}/state`);

  it('G25 G26 U22 U23 U23b U23d U32 reads missing, writes, reads, overwrites, deletes, deletes missing', async () => {
    expectProblem(await get(), 404, 'SESSION_NOT_FOUND');
    const made = await put({ session_id: id, history: [user('Hi')], metadata: { user_id: 'u1' } });
    expect([made.status, made.headers.etag]).toEqual([201, `"${made.body.version}"`]);
    expect(await load()).toMatchObject({ session_id: id, history: [user('Hi')], metadata: { user_id: 'u1' } });
    expect((await put({ history: [assistant('Bye')], metadata: { other: 1 } })).status).toBe(200);
    expect(await load()).toMatchObject({ history: [assistant('Bye')] });
    expect((await load()).metadata).toEqual({ other: 1 });
    for (const stranger of strangers) {
      expectProblem(await get(stranger), 404, 'SESSION_NOT_FOUND');
      expectProblem(await remove(stranger), 404, 'SESSION_NOT_FOUND');
    }
    const gone = await remove();
    expect([gone.status, gone.body.deleted]).toEqual([200, true]);
    expectProblem(await get(), 404, 'SESSION_NOT_FOUND');
    expectProblem(await remove(), 404, 'SESSION_NOT_FOUND');
  });

  it('G16 G17 U22f deletes for good: not in a list, no message left, and says so when there is nothing', async () => {
    await put({ history: [user('one'), assistant('two')] });
    const { thread_id } = await load();
    expect((await remove()).body).toMatchObject({ deleted: true, session_id: id });
    expect((await alice.get('/sessions', { query: { prefix: id } })).body.data).toEqual([]);
    const left = await app.db.query('SELECT 1 FROM messages WHERE thread_id = $1', [thread_id]);
    expect(left.rowCount).toBe(0);
    const again = await remove();
    expectProblem(again, 404, 'SESSION_NOT_FOUND');
    expect(again.body.deleted).toBe(false);
  });

  it('G01 G03 P13 is there after the first message: session_id, history in order, metadata', async () => {
    expectProblem(await get(), 404, 'SESSION_NOT_FOUND');
    for (const text of ['one', 'two', 'three']) expect((await say(text)).status).toBe(201);
    const state = await load();
    expect(Object.keys(state)).toEqual(expect.arrayContaining(['session_id', 'history', 'metadata']));
    expect(state.session_id).toBe(id);
    expect(state.history).toEqual([user('one'), user('two'), user('three')]);
    expect(state.message_count).toBe(3);
    for (const stranger of strangers) expectProblem(await get(stranger), 404, 'SESSION_NOT_FOUND');
  });

  it('G02 G18 names the one store, and refuses another on every route, before anything is written', async () => {
    const options = (provider: string) => ({ query: { provider }, body: { history: [user('Hi')] } });
    const path = `/sessions/${id}/state`;
    for (const provider of ['bad', 'memory', 'redis', '', 'POSTGRES']) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const { query, body } = options(provider);
        const answer = await alice.send(method, path, { query, body: method === 'PUT' ? body : undefined });
        expectProblem(answer, 400, 'VALIDATION_FAILED');
      }
      const message = await alice.send('POST', `/sessions/${id}/messages`, { ...options(provider), body: user('x') });
      expectProblem(message, 400, 'VALIDATION_FAILED');
    }
    expectProblem(await get(), 404, 'SESSION_NOT_FOUND');
    expect((await alice.send('PUT', path, options('postgres'))).status).toBe(201);
    expect((await alice.get(path, { query: { provider: 'postgres' } })).body.history).toEqual([user('Hi')]);
    expect((await alice.delete(path, { query: { provider: 'postgres' } })).status).toBe(200);
  });

  it('G04 takes the roles that there are, and no other', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":  1.0}' } };
    const history = [
      { role: 'system', content: 'S' },
      { role: 'developer', content: 'D' },
      user('U'),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: 'T', tool_call_id: 'c1', name: 'f' },
    ];
    await put({ history });
    expect((await load()).history).toEqual(history);
    for (const role of ['foo', '', 'USER', null, 7]) {
      expectProblem(await put({ history: [{ role, content: 'x' }] }), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await put({ history: [{ content: 'no role' }] }), 400, 'VALIDATION_FAILED');
    expect((await load()).history).toHaveLength(5);
  });

  it('G08 G09 G10 U22d U22e a message tells when it came; created_at and the other metadata stay', async () => {
    await say('one');
    const first = (await load()).metadata;
    expect(first).toEqual({ created_at: expect.any(String), last_updated: expect.any(String) });
    await say('two');
    const second = (await load()).metadata;
    expect(second.created_at).toBe(first.created_at);
    expect(Date.parse(second.last_updated)).toBeGreaterThan(Date.parse(first.last_updated));
    await put({ history: [user('one')], metadata: { user_id: 'u1' } });
    await say('two');
    const { metadata, history } = await load();
    expect(metadata).toEqual({ user_id: 'u1', created_at: expect.any(String), last_updated: expect.any(String) });
    expect(history).toEqual([user('one'), user('two')]);
  });

  it('G11 G12 G13 P14 U22c U34 U38 replaces everything: shorter, empty, longer, changed in the middle', async () => {
    const texts = (...list: string[]) => list.map((text) => user(text));
    expect((await put({ history: [], metadata: {} })).status).toBe(201);
    expect(await load()).toMatchObject({ history: [], message_count: 0, token_count: 0 });
    for (const history of [
      texts('a', 'b', 'c', 'd', 'e'),
      texts('a', 'b'),
      [...texts('a', 'b'), { role: 'system', content: 'Context updated.' }],
      texts('a', 'x', 'c'),
      texts('c'),
      [],
    ]) {
      const answer = await put({ history, metadata: { n: history.length } });
      expect([answer.status, answer.body.message_count]).toEqual([200, history.length]);
      expect(await load()).toMatchObject({ history, metadata: { n: history.length } });
    }
  });

  it('G14 G15 C31 U33 U50 gives back what was saved: types, nested values, parts, tool calls, times', async () => {
    let deep: Record<string, unknown> = { end: [null, true, 0.1, 'ü 👩‍👩‍👧'] };
    for (let level = 10; level > 0; level -= 1) deep = { [`level${level}`]: deep, list: [[], {}, ''] };
    const metadata = { custom_flag: true, zero: 0, none: null, empty: '', text: 'true', deep, constructor: 'kept' };
    const parts = [
      { type: 'text', text: 'Look' },
      { type: 'image_url', image_url: { url: 'https://example.org/i.png', detail: 'low' } },
    ];
    const history = [
      { role: 'system', content: 'You are brief.' },
      user('', { name: 'Ann', metadata: { deep } }),
      { role: 'user', content: parts, timestamp: '2024-05-15T15:00:00.000Z' },
      assistant('Hello', { metadata: { cost_info: { input: 10, usd: 0.00001 }, finish_reason: 'stop' } }),
    ];
    const settings = { system_prompt: 'P', prompt_name: 'p', max_tokens: 4000, title: 'T', notebook_id: 'nb' };
    const notebook_variables = { zeta: 'DataFrame', age: { type: 'int' } };
    await put({ history, metadata, notebook_variables, ...settings, user_id: 'alice', org_id: 'acme' });
    const state = await load();
    expect(state).toMatchObject({ ...settings, user_id: 'alice', org_id: 'acme' });
    expect([state.history, state.metadata, state.notebook_variables]).toEqual([history, metadata, notebook_variables]);
    expect(Object.keys(state.notebook_variables)).toEqual(['zeta', 'age']);
    for (const body of [{ history }, { history, metadata: null }, { messages: history, metadata: {} }]) {
      expect((await put(body)).status).toBe(200);
      expect((await load()).metadata).toEqual({});
      expect(await load()).toMatchObject({ ...settings, notebook_variables });
    }
    const cleared = { system_prompt: null, max_tokens: null, prompt_name: null, variables: {} };
    await put({ history: [], ...cleared });
    expect(await load()).toMatchObject({ system_prompt: null, max_tokens: null, prompt_name: null, title: 'T' });
    expect((await load()).notebook_variables).toEqual({});
  });

  it('G27 keeps one id from another, and the same id of another user or organization', async () => {
    const other = randomUUID();
    await put({ history: [user('mine')], metadata: { secret: 'of alice' } });
    await alice.put(`/sessions/${other}/state`, { history: [user('other')] });
    for (const stranger of strangers) {
      expect((await put({ history: [user('theirs')] }, stranger)).status).toBe(201);
      expect((await put({ history: [user('theirs, again')] }, stranger)).status).toBe(200);
      expect((await get(stranger)).text).not.toContain('of alice');
    }
    expect(await load()).toMatchObject({ history: [user('mine')], metadata: { secret: 'of alice' } });
    expect((await alice.get(`/sessions/${other}/state`)).body.history).toEqual([user('other')]);
  });

  it('P42 is lean on request, and takes nothing that it does not know', async () => {
    await put({ history: [user('Hi'), assistant('Hello')], metadata: { a: 1 } });
    const { body } = await alice.get(`/sessions/${id}/state`, { query: { fields: 'lean' } });
    expect(body).toEqual({ messages: [user('Hi'), assistant('Hello')], token_count: (await load()).token_count });
    expectProblem(await put({ history: [], raw_response: {} }), 400, 'VALIDATION_FAILED');
    expectProblem(await put({ history: [user('x', { raw_response: {} })] }), 400, 'VALIDATION_FAILED');
    expectProblem(await alice.get(`/sessions/${id}/state`, { query: { fields: 'fat' } }), 400, 'VALIDATION_FAILED');
    for (const stranger of strangers) {
      expectProblem(await stranger.get(`/sessions/${id}/state?fields=lean`), 404, 'SESSION_NOT_FOUND');
    }
  });

  it('N10 U61 is the same conversation as the messages and variables of the session', async () => {
    await alice.post('/sessions', { session_id: id, notebook_id: 'nb-1', variables: { df: 'DataFrame' } });
    await alice.post(`/sessions/${id}/messages`, { messages: [user('a'), assistant('b'), user('c')], start_seq: 0 });
    const state = await load();
    expect(state).toMatchObject({ notebook_id: 'nb-1', notebook_variables: { df: 'DataFrame' }, turn_count: 3 });
    expect(new Date(state.last_activity).toISOString()).toBe(state.last_activity);
    expect((await put({ history: [...state.history, user('d')] })).body.message_count).toBe(4);
    const again = { messages: [user('a'), assistant('b'), user('c'), user('d')], start_seq: 0 };
    expect((await alice.post(`/sessions/${id}/messages`, again)).status).toBe(200);
    const { body } = await alice.get(`/sessions/${id}/messages`);
    expect(body.data.map(({ content }: any) => content)).toEqual(['a', 'b', 'c', 'd']);
  });
});
