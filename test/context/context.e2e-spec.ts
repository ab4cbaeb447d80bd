import { randomUUID } from 'node:crypto';
import { itWithConversations, readConversations } from '../support/data/conversations';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const user = (content: string, extra = {}) => ({ role: 'user', content, ...extra });
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });

describe('Context', () => {
  const { app, alice, bob, admin, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];
  let id: string;

  beforeEach(() => void (id = randomUUID()));

  const post = (messages: object[]) => alice.post(`/sessions/${id}/messages`, { messages });
  const context = (query = {}, client = alice) => client.get(`/sessions/${id}/context`, { query });
  const texts = async (query = {}): Promise<string[]> =>
    (await context(query)).body.messages.map(({ content }: any) => content);
  const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `m${from + n}`);
  /** Messages of exactly these tokens, m0, m1 … */
  const counted = (...tokens: number[]) => tokens.map((token_count, n) => user(`m${n}`, { token_count }));
  const rows = async () =>
    (await app.db.query(`SELECT md5(string_agg(m::text, '' ORDER BY thread_id, seq)) AS all FROM messages m`)).rows[0];

  it('P25 keeps the newest within max_tokens: 4000, and leaves what is stored as it is', async () => {
    await alice.post('/sessions', { session_id: id, max_tokens: 4000 });
    await post(counted(...Array(15).fill(300)));
    const before = await rows();
    const { status, body } = await context();
    expect(status).toBe(200);
    expect(body).toMatchObject({ session_id: id, token_count: 3900, token_budget: 4000, truncated: true, total: 15 });
    expect(body.messages.map(({ content }: any) => content)).toEqual(names(2, 15));
    expect(body.messages[0]).toEqual({ role: 'user', content: 'm2', metadata: {} });
    expect(await texts({ token_budget: 900 })).toEqual(names(12, 15));
    expect(await texts({ token_budget: 899 })).toEqual(names(13, 15));
    expect((await context({ token_budget: 4500 })).body).toMatchObject({ token_count: 4500, truncated: false });
    expect(await rows()).toEqual(before);
    for (const stranger of strangers) {
      expectProblem(await context({}, stranger), 404, 'SESSION_NOT_FOUND');
      await stranger.put(`/sessions/${id}/state`, { history: [user('theirs')] });
      expect((await context({}, stranger)).body.messages.map(({ content }: any) => content)).toEqual(['theirs']);
    }
    expect(await rows()).not.toEqual(before);
    expect((await context()).body).toEqual(body);
  });

  it('C29 P25 the newest message stays, whatever it counts', async () => {
    await post(counted(1, 1, 5000));
    for (const token_budget of [1, 4999, 5000]) expect(await texts({ token_budget })).toEqual(['m2']);
    expect(await texts({ token_budget: 5001 })).toEqual(['m1', 'm2']);
    expect((await context({ token_budget: 1 })).body).toMatchObject({ token_count: 5000, truncated: true });
    await alice.delete(`/sessions/${id}/messages`);
    expect((await context()).body).toMatchObject({ messages: [], token_count: 0, truncated: false, total: 0 });
  });

  it('N08 gives the newest 20, or a window of 1 to 1000', async () => {
    await post(counted(...Array(1000).fill(1)));
    await post([user('newest')]);
    expect((await context()).body).toMatchObject({ token_budget: null, truncated: false, total: 1001 });
    expect(await texts()).toEqual([...names(981, 1000), 'newest']);
    expect(await texts({ window: 1 })).toEqual(['newest']);
    expect(await texts({ window: 1000 })).toHaveLength(1000);
    for (const query of [
      ...['0', '1001', '-1', '1.5', 'x', '', '1e2'].map((window) => ({ window })),
      ...['-1', '10000001', 'x', ''].map((token_budget) => ({ token_budget })),
      { nope: 1 },
    ]) {
      expectProblem(await context(query), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await alice.get('/sessions/%00/context'), 400, 'INVALID_ID');
    expectProblem(await alice.get(`/sessions/${'x'.repeat(256)}/context`), 400, 'INVALID_ID');
    expectProblem(await alice.get('/sessions/search/context'), 400, 'SESSION_ID_RESERVED');
    expectProblem(await alice.get('/sessions/unknown/context'), 404, 'SESSION_NOT_FOUND');
  });

  it('N08 the system prompt stands first, and counts', async () => {
    await alice.post('/sessions', { session_id: id, system_prompt: 'You are terse.' });
    await post(counted(10, 10, 10));
    const { messages, token_count } = (await context()).body;
    expect(messages[0]).toEqual({ role: 'system', content: 'You are terse.', metadata: {} });
    expect([messages.length, token_count > 30]).toEqual([4, true]);
    const prompt = token_count - 30;
    expect(await texts({ token_budget: prompt + 20 })).toEqual(['You are terse.', 'm1', 'm2']);
    expect(await texts({ token_budget: prompt + 19 })).toEqual(['You are terse.', 'm2']);
    expect(await texts({ token_budget: 1 })).toEqual(['You are terse.', 'm2']);
    await alice.patch(`/sessions/${id}`, { system_prompt: null });
    expect(await texts()).toEqual(names(0, 3));
  });

  it('P63 a fact of turn 1 is in the context of turn 2, also of another instance; not under another id', async () => {
    await post([user('My name is Alice.'), { role: 'assistant', content: 'Noted.' }]);
    await post([user("What's my name?")]);
    const second = alice.at((await app.second()).url);
    expect((await context({}, second)).text).toContain('My name is Alice.');
    await alice.post('/sessions/another/messages', user("What's my name?"));
    expect((await alice.get('/sessions/another/context')).text).not.toContain('Alice');
  });

  it('C50 a call and its results stay together or go together, at every budget and window', async () => {
    const messages = [
      user('m0', { token_count: 5 }),
      { role: 'assistant', content: null, tool_calls: [call('a'), call('b')], token_count: 5 },
      { role: 'tool', tool_call_id: 'a', content: 'ra', token_count: 5 },
      { role: 'tool', tool_call_id: 'b', content: 'rb', token_count: 5 },
      user('m1', { token_count: 5 }),
      { role: 'assistant', content: null, tool_calls: [call('c')], token_count: 5 },
      { role: 'tool', tool_call_id: 'c', content: 'rc', token_count: 5 },
    ];
    await post(messages);
    for (let n = 1; n <= 7; n += 1) {
      for (const query of [{ token_budget: n * 5 }, { window: n }]) {
        const { body } = await context(query);
        expect(orphansOf(body.messages, messages)).toEqual([]);
        expect(body.messages.at(-1).content).toBe('rc');
      }
    }
  });

  itWithConversations(
    'P25 C50 the real conversations at 500, 1000, 2000 and 4000 tokens: the newest, and no orphan',
    async () => {
      const conversations = readConversations();
      expect(conversations).toHaveLength(100);
      for (const conversation of conversations) {
        const history: any[] = conversation.messages;
        id = conversation.id;
        expect((await alice.put(`/sessions/${id}/state`, { history })).status).toBe(201);
        const plain = history.map((message) => ({ ...message, metadata: {} }));
        for (const token_budget of [500, 1000, 2000, 4000]) {
          for (const window of [20, 1000]) {
            const { body } = await context({ token_budget, window });
            const kept = body.messages.length;
            expect(kept).toBeGreaterThan(1);
            // The system message at the head stays (C29).
            expect(body.messages).toEqual([plain[0], ...plain.slice(1 - kept)]);
            // One unit, a call with its result, is the least that is given.
            if (body.token_count > token_budget) expect(kept).toBeLessThanOrEqual(3);
            expect(orphansOf(body.messages, history)).toEqual([]);
            if (window === 1000) expect(body.truncated).toBe(kept < history.length);
          }
        }
        expect((await alice.get(`/sessions/${id}/state`)).body.history).toStrictEqual(history);
      }
    },
  );
});

/** Ids of calls that are there without a result which the history has, and of results without their call. */
function orphansOf(context: any[], history: any[]): string[] {
  const callsOf = (messages: any[]) =>
    messages.flatMap(({ tool_calls }) => (tool_calls ?? []).map(({ id }: any) => id));
  const resultsOf = (messages: any[]) => messages.map(({ tool_call_id }) => tool_call_id).filter(Boolean);
  const [calls, results, known] = [callsOf(context), resultsOf(context), resultsOf(history)];
  return [
    ...calls.filter((id) => known.includes(id) && !results.includes(id)),
    ...results.filter((id) => !calls.includes(id)),
  ];
}
