import { randomUUID } from 'node:crypto';
import { itWithConversations, readConversations } from '../support/data/conversations';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';

const user = (content: string, extra = {}) => ({ role: 'user', content, ...extra });

/** Saving a state over another: what stays, who wins, what is refused. */
describe('Saving states', () => {
  const { app, alice, bob } = world();
  let id: string;

  beforeEach(() => void (id = randomUUID()));

  const put = (body: object, headers = {}) => alice.put(`/sessions/${id}/state`, body, headers);
  const load = async (): Promise<any> => (await alice.get(`/sessions/${id}/state`)).body;
  const stored = (): Promise<any[]> => alice.all(`/sessions/${id}/messages`);
  const history = (...texts: string[]) => ({ history: texts.map((text) => user(text)) });

  it('U50 C40 what messages cost goes along with them, behind a changed message too', async () => {
    await put({ history: [user('a'), user('b', { cost: 0.001, token_count: 77 }), user('c', { cost: 0.002 })] });
    const state = await load();
    expect(state.total_cost).toBe(0.003);
    const changed = [user('changed'), ...state.history.slice(1)];
    expect((await put({ history: changed, metadata: {} })).body.total_cost).toBe(0.003);
    expect((await stored()).map(({ cost, token_count }) => [cost, token_count]).slice(1, 2)).toEqual([[0.001, 77]]);
  });

  it('C19 U38 keeps what is unchanged in front, with ids, times and counts; from the first difference on all is new', async () => {
    await put(history('a', 'b', 'c', 'd'));
    const before = await stored();
    await put(history('a', 'b', 'X', 'd'));
    const after = await stored();
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after.map(({ seq }) => seq)).toEqual([1, 2, 5, 6]);
    const old = new Set(before.map((message) => message.id));
    expect(after.slice(2).some((message) => old.has(message.id))).toBe(false);
    await put(history('a', 'b', 'X', 'd', 'e'));
    const longer = await stored();
    expect(longer.slice(0, 4)).toEqual(after);
    expect(longer[4]).toMatchObject({ seq: 7, content: 'e' });
    await put(history());
    await put(history('a'));
    expect((await stored()).map(({ seq }) => seq)).toEqual([8]);
  });

  it.each([
    ['role', { role: 'assistant', content: 'b' }],
    ['metadata', user('b', { metadata: { a: 1 } })],
    ['name', user('b', { name: 'Ann' })],
    ['timestamp', user('b', { timestamp: '2024-01-01T00:00:00Z' })],
    ['token_count', user('b', { token_count: 77 })],
    ['cost', user('b', { cost: 0.5 })],
    ['sender_id', user('b', { sender_id: 'alice' })],
    ['content', { role: 'user', content: [{ type: 'text', text: 'b' }] }],
  ])('C19 a message that differs in its %s alone is another one', async (_, changed) => {
    await put(history('a', 'b', 'c'));
    const before = await stored();
    await put({ history: [user('a'), changed, user('c')] });
    const after = await stored();
    expect([after[0].id, after.length]).toEqual([before[0].id, 3]);
    expect([after[1].id === before[1].id, after[2].id === before[2].id]).toEqual([false, false]);
    expect(after[1]).toMatchObject({ ...changed, timestamp: after[1].timestamp });
  });

  it('G10 a loaded state is accepted as it is, and changes no message', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const messages = [
      user('Hi', { token_count: 9, cost: '0.000001', sender_id: 'alice', metadata: { a: { b: 1 } } }),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'json', value: 1 }], timestamp: 1715785200000 },
      { role: 'assistant', content: '' },
    ];
    await alice.post('/sessions', { session_id: id, notebook_id: 'nb', variables: { df: 'D' }, system_prompt: 'P' });
    await alice.post(`/sessions/${id}/messages`, { messages });
    const before = await stored();
    for (let round = 0; round < 2; round += 1) {
      const state = await load();
      const saved = await put(state);
      expect([saved.status, saved.text]).toEqual([200, saved.text]);
      expect(await stored()).toEqual(before);
      const again = await load();
      const { version, updated_at, last_activity, last_accessed_at, expires_at } = again;
      expect(again).toEqual({ ...state, version, updated_at, last_activity, last_accessed_at, expires_at });
      expect(version).toBeGreaterThan(state.version);
    }
  });

  it('P48 U23f two saves from one version: one 200, one 409; without a version the last wins', async () => {
    await put(history('start'));
    const { version } = await load();
    expect((await put({ ...history('first'), version })).status).toBe(200);
    const stale = await put({ ...history('second'), version });
    expectProblem(stale, 409, 'VERSION_CONFLICT');
    expect(stale.body.current_version).toBe((await load()).version);
    expectProblem(await put(history('third'), { 'if-match': `"${version}"` }), 412, 'PRECONDITION_FAILED');
    expect((await load()).history).toEqual([user('first')]);
    const { headers } = await alice.get(`/sessions/${id}/state`);
    expect((await put(history('fourth'), { 'if-match': headers.etag as string })).status).toBe(200);
    expect((await put(history('last'))).status).toBe(200);
    expect((await load()).history).toEqual([user('last')]);
  });

  it('P48 a version is that of a state that is there: a deleted one is not made again by it', async () => {
    for (const version of [1, 2, 7]) {
      expectProblem(await put({ ...history('x'), version }), 409, 'VERSION_CONFLICT');
      expectProblem(await put(history('x'), { 'if-match': `"${version}"` }), 412, 'PRECONDITION_FAILED');
    }
    expectProblem(await alice.get(`/sessions/${id}/state`), 404, 'SESSION_NOT_FOUND');
    await put(history('x'));
    const state = await load();
    await alice.delete(`/sessions/${id}/state`);
    expectProblem(await put(state), 409, 'VERSION_CONFLICT');
    expectProblem(await alice.get(`/sessions/${id}/state`), 404, 'SESSION_NOT_FOUND');
  });

  it('P48 U23f 20 saves at once from one version, on two instances: exactly one lands', async () => {
    await put(history('start'));
    const second = alice.at((await app.second()).url);
    const { version } = await load();
    const saves = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? second : alice).put(`/sessions/${id}/state`, { ...history('start', `writer ${n}`), version }),
    );
    const statuses = (await Promise.all(saves)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(19).fill(409)]);
    expect((await load()).history).toHaveLength(2);
  });

  it('C18 U23f saves without a version at once, also of a new id, end as one of them; messages meanwhile break no counter', async () => {
    const bodies = Array.from({ length: 10 }, (_, n) => history(...Array.from({ length: n + 1 }, () => `w${n}`)));
    const answers = await Promise.all(bodies.map((body) => put(body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
    const { history: kept } = await load();
    expect(bodies.map((body) => body.history)).toContainEqual(kept);
    const message = (n: number) => alice.post(`/sessions/${id}/messages`, user(`m${n}`));
    const mixed = bodies.flatMap((body, n) => [put(body), message(n), message(n + 10)]);
    for (const { status } of await Promise.all(mixed)) expect([200, 201]).toContain(status);
    expect(await brokenCounters(app.db)).toEqual([]);
    const seqs = (await stored()).map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  });

  it('C19 C07 takes ids of messages; one that is taken, or twice in one state, is 409 and nothing changes', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    await put({ history: [user('a', { id: one }), user('b', { id: two })] });
    expect((await stored()).map((message) => message.id)).toEqual([one, two]);
    await put({ history: [user('new', { id: one }), user('b', { id: two })] });
    expect((await stored()).map((message) => message.id)).toEqual([one, two]);
    const before = await load();
    expectProblem(
      await put({ history: [user('x', { id: randomUUID() }), user('y', { id: two }), user('z', { id: two })] }),
      409,
      'MESSAGE_ID_CONFLICT',
    );
    const elsewhere = await bob.put(`/sessions/${id}/state`, { history: [user('mine', { id: one })] });
    expectProblem(elsewhere, 409, 'MESSAGE_ID_CONFLICT');
    expectProblem(await bob.get(`/sessions/${id}/state`), 404, 'SESSION_NOT_FOUND');
    const globex = await app.as('globex', 'alice');
    expect((await globex.put(`/sessions/${id}/state`, { history: [user('mine', { id: one })] })).status).toBe(201);
    expect(await load()).toEqual(before);
  });

  it('G30 U23c U35 C23 refuses what is no state, before anything is written', async () => {
    const bad: [object | undefined, string?][] = [
      [undefined],
      [{}, 'STATE_INVALID'],
      [{ metadata: {} }, 'STATE_INVALID'],
      [{ history: [], messages: [] }, 'STATE_INVALID'],
      [{ history: [], variables: {}, notebook_variables: {} }, 'STATE_INVALID'],
      [{ history: [], session_id: 'other' }, 'INVALID_ID'],
      [{ history: [], conversation_id: 'other' }, 'INVALID_ID'],
      ...[null, {}, 'x', [null], [7], [[]], [{}], [{ role: 'user' }], [{ role: 'tool', content: 'x' }]].map(
        (list): [object, string] => [{ history: list }, 'VALIDATION_FAILED'],
      ),
      [{ history: [], metadata: [] }, 'VALIDATION_FAILED'],
      [{ history: [], max_tokens: 0 }, 'VALIDATION_FAILED'],
      [{ history: [], version: 0 }, 'VALIDATION_FAILED'],
      [{ history: [user('a\0b')] }, 'INVALID_TEXT'],
      [{ history: [], metadata: { 'a\0': 1 } }, 'INVALID_TEXT'],
    ];
    for (const [body, code] of bad) expectProblem(await put(body as object), 400, code);
    for (const name of ['session_id', 'conversation_id'])
      expect((await put({ history: [], [name]: 'other' })).body.detail).toBe(`${name} is not the id in the path.`);
    expectProblem(await put({ history: [], user_id: 'bob' }), 403, 'OTHER_USER');
    expectProblem(await put({ history: [], org_id: 'globex' }), 403, 'OTHER_ORGANIZATION');
    expectProblem(await put({ history: [], metadata: { big: 'x'.repeat(70_000) } }), 400);
    for (const path of ['x'.repeat(256), '%00', 'a%0ab', 'search', 'current', 'import', 'export', 'batch-get']) {
      for (const send of [
        () => alice.put(`/sessions/${path}/state`, history('x')),
        () => alice.get(`/sessions/${path}/state`),
      ])
        expectProblem(await send(), 400);
    }
    expect((await alice.get('/sessions', { query: { prefix: id } })).body.data).toEqual([]);
    const { rows } = await app.db.query(`SELECT count(*)::int AS n FROM sessions WHERE id = ANY($1)`, [['search', id]]);
    expect(rows[0].n).toBe(0);
  });

  itWithConversations(
    'G11 U50 C19 the real conversations as states: deep-equal, saved again unchanged, and to half and back',
    async () => {
      const conversations = readConversations();
      expect(conversations).toHaveLength(100);
      for (const { id: source, messages } of conversations) {
        id = source;
        expect((await put({ session_id: id, history: messages, metadata: { source } })).status).toBe(201);
        const state = await load();
        expect([state.history, state.metadata]).toStrictEqual([messages, { source }]);
        const ids = (await stored()).map((message) => message.id);
        expect((await put(state)).status).toBe(200);
        expect((await stored()).map((message) => message.id)).toEqual(ids);
        const half = messages.slice(0, messages.length / 2);
        await put({ history: half });
        await put({ history: messages });
        expect((await stored()).slice(0, half.length).map((message) => message.id)).toEqual(ids.slice(0, half.length));
        expect((await load()).history).toStrictEqual(messages);
      }
    },
  );
});
