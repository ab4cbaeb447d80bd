import { randomUUID } from 'node:crypto';
import type { Statement } from '../../src/database/door/sql';
import { TenantTx } from '../../src/database/door/tenant-database';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const user = (content: string, extra = {}) => ({ role: 'user', content, ...extra });
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `m${from + n}`);
const many = (count: number, token_count = 10) => names(0, count).map((name) => user(name, { token_count }));
const textsOf = ({ body }: { body: any }): string[] => body.messages.map(({ content }: any) => content);
const sectionsOf = ({ body }: { body: any }): string[] => body.sections.map(({ name }: any) => name);

/** What a context is made of, and in which order. */
describe('Context sections', () => {
  const { app, alice, bob, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex')];
  let id: string;

  beforeEach(() => void (id = randomUUID()));

  const say = (...messages: object[]) => alice.post(`/sessions/${id}/messages`, { messages });
  const context = (query = {}, client = alice) => client.get(`/sessions/${id}/context`, { query });
  const build = (body: object, client = alice) => client.post(`/sessions/${id}/context`, body);
  const summarized = (start_turn: number, end_turn: number, content: string) =>
    alice.post(`/sessions/${id}/summaries`, { start_turn, end_turn, content });

  it('U70 U73 P56 the window, then the question; nothing else where nothing is', async () => {
    await say(...many(30));
    const question = 'And now?';
    expect(textsOf(await build({ window: 20, question }))).toEqual([...names(10, 30), question]);
    await alice.post('/sessions', { session_id: 'empty' });
    const empty = await alice.post('/sessions/empty/context', { question });
    expect(empty.body.messages).toEqual([{ role: 'user', content: question, metadata: {} }]);
    expect(textsOf(await alice.get('/sessions/empty/context'))).toEqual([]);
  });

  it('U72 a conversation that is not there is 404, for everybody and by every way', async () => {
    await say(user('Hi'));
    const { thread_id } = (await context()).body;
    for (const client of [...strangers, await app.as('globex', 'root', 'admin')]) {
      expectProblem(await context({}, client), 404, 'SESSION_NOT_FOUND');
      expectProblem(await build({ question: 'Hi?' }, client), 404, 'SESSION_NOT_FOUND');
      expectProblem(await client.get(`/threads/${thread_id}/context`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.post(`/threads/${thread_id}/context`, {}), 404, 'THREAD_NOT_FOUND');
    }
    for (const missing of [randomUUID(), 'nope']) {
      expectProblem(await alice.get(`/threads/${missing}/context`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await alice.post(`/threads/${missing}/context`, {}), 404, 'THREAD_NOT_FOUND');
    }
    expectProblem(await build({ nope: 1 }), 400, 'VALIDATION_FAILED');
  });

  it('P56 U71 summaries come first, the question last', async () => {
    await say(...many(30));
    expect((await summarized(0, 10, 'They met.')).status).toBe(201);
    expect((await summarized(10, 20, 'They spoke.')).status).toBe(201);
    const answer = await build({ window: 2, question: 'Then?' });
    expect(textsOf(answer)).toEqual([
      '[Conversation summary (turns 0-10)]: They met.',
      '[Conversation summary (turns 10-20)]: They spoke.',
      'm28',
      'm29',
      'Then?',
    ]);
    expect(answer.body.messages.slice(0, 2).map(({ role }: any) => role)).toEqual(['system', 'system']);
    expect(textsOf(await context({ window: 20 })).slice(2)).toEqual(names(10, 30));
    for (const stranger of strangers) {
      await stranger.post(`/sessions/${id}/messages`, user('theirs'));
      expect(textsOf(await context({}, stranger))).toEqual(['theirs']);
    }
  });

  it('P56 U74 U75 U88 what is found stands between, never twice; without a question of the user nothing is looked for', async () => {
    await say(user('The code of the safe is 4711'), ...many(20));
    await summarized(0, 5, 'They met.');
    const answer = await build({ window: 4, top_k: 3, question: 'What is the code of the safe?', facts: false });
    expect(sectionsOf(answer)).toEqual(['summaries', 'retrieved', 'recent', 'question']);
    expect(textsOf(answer)).toHaveLength(7);
    expect(textsOf(answer)[1]).toBe('The code of the safe is 4711');
    const whole = await build({ window: 1000, top_k: 3, question: 'What is the code of the safe?', facts: false });
    expect(textsOf(whole)).toHaveLength(23);
    await alice.post(`/sessions/${id}-quiet/messages`, { role: 'assistant', content: 'the safe' });
    expect(sectionsOf(await alice.get(`/sessions/${id}-quiet/context`, { query: { top_k: 1 } }))).toEqual(['recent']);
  });

  it('S46 hierarchical gives facts, summaries and the last n word for word', async () => {
    await alice.put(`/memory/${id}`, { value: 'Kyoto' });
    await say(...many(30));
    await summarized(0, 25, 'A long talk.');
    const answer = await context({ strategy: 'hierarchical', window: 5 });
    expect(sectionsOf(answer)).toEqual(['facts', 'summaries', 'recent']);
    const [facts, summary, ...recent] = textsOf(answer);
    expect(facts).toContain(`${id}: Kyoto`);
    expect(summary).toContain('A long talk.');
    expect(recent).toEqual(names(25, 30));
    await alice.delete(`/memory/${id}`);
  });

  it('S48 S49 a prompt of what is remembered, the history and the question; of nobody else', async () => {
    await alice.put('/memory/city', { value: 'Kyoto' });
    await say(user('Hi'), { role: 'assistant', content: 'Hello.' });
    await alice.put('/memory/plan', { value: 'tea', session_id: id });
    const answer = await build({ question: 'Where am I?' });
    const [facts, ...rest] = textsOf(answer);
    expect(facts).toMatch(/- city: Kyoto\n- plan: tea/);
    expect(rest).toEqual(['Hi', 'Hello.', 'Where am I?']);
    expect(textsOf(await context())).toEqual(['Hi', 'Hello.']);
    expect(textsOf(await build({ question: 'Where?', facts: false }))).toEqual(['Hi', 'Hello.', 'Where?']);
    // Another session sees what holds for the user, and not what was said here.
    await alice.post('/sessions', { session_id: `${id}-2` });
    const second = await alice.post(`/sessions/${id}-2/context`, { question: 'Where am I?' });
    expect([second.text.includes('Kyoto'), second.text.includes('tea'), second.text.includes('Hello.')]).toEqual([
      true,
      false,
      false,
    ]);
    for (const stranger of strangers) {
      await stranger.post('/sessions', { session_id: id });
      expect((await build({ question: 'Where is Alice?' }, stranger)).text).not.toContain('Kyoto');
    }
    await alice.delete('/memory');
  });

  it('S48 an admin who builds a context of another user adds nothing that is remembered of the admin', async () => {
    const admin = await app.as('acme', 'root', 'admin');
    await admin.put('/memory/city', { value: 'Oslo' });
    await say(user('Hi'));
    const { thread_id } = (await context()).body;
    const answer = await admin.post(`/threads/${thread_id}/context`, { question: 'Where?' });
    expect(textsOf(answer)).toEqual(['Hi', 'Where?']);
  });

  it('U87 nothing is stored by it, whatever is asked', async () => {
    await say(...many(5));
    const before = (await alice.get(`/sessions/${id}`)).body;
    for (const strategy of ['last_n', 'sliding', 'summarize', 'hierarchical', 'relevance', 'none']) {
      expect((await build({ strategy, question: 'Hm?', max_tokens: 40, top_k: 2 })).status).toBe(200);
    }
    const { last_accessed_at: _, ...after } = (await alice.get(`/sessions/${id}`)).body;
    expect(before).toMatchObject(after);
  });

  it('U104 U105 two conversations at once do not leak into each other', async () => {
    const ids = Array.from({ length: 5 }, () => randomUUID());
    await Promise.all(ids.map((one) => alice.post(`/sessions/${one}/messages`, user(`secret of ${one}`))));
    const answers = await Promise.all(ids.map((one) => alice.get(`/sessions/${one}/context`)));
    answers.forEach((answer, index) => expect(textsOf(answer)).toEqual([`secret of ${ids[index]}`]));
  });

  it('explain says of every message why it is in or out, and sections count', async () => {
    await alice.post('/sessions', { session_id: id, system_prompt: 'Be kind.' });
    await say({ role: 'system', content: 'rules', token_count: 5 }, ...many(10), {
      role: 'tool',
      tool_call_id: 'x',
      content: 'lost',
    });
    const { body } = await context({ window: 8, max_tokens: 60, explain: 'true' });
    const reasons = body.explanation.map(({ seq, included, reason }: any) => [seq, included, reason]);
    expect(reasons[0]).toEqual([1, true, 'system']);
    expect(reasons.slice(-2)).toEqual([
      [11, true, 'newest'],
      [12, false, 'result_without_call'],
    ]);
    expect(reasons).toContainEqual([5, false, 'over_budget']);
    expect(body.warnings).toEqual(['incomplete_tool_calls']);
    const sum = body.sections.reduce((total: number, section: any) => total + section.token_count, 0);
    expect([sum, body.token_count <= 60]).toEqual([body.token_count, true]);
    expect((await context()).body).not.toHaveProperty('explanation');
    const { thread_id } = body;
    expect(textsOf(await alice.get(`/threads/${thread_id}/context`)).slice(0, 2)).toEqual(['Be kind.', 'rules']);
  });

  it('shares bound their sections', async () => {
    await say(...many(20));
    await summarized(0, 10, 'word '.repeat(100));
    const all = await build({ max_tokens: 400, shares: { summaries: 0.5 } });
    expect(sectionsOf(all)).toEqual(['summaries', 'recent']);
    const none = await build({ max_tokens: 400, shares: { summaries: 0 } });
    expect([sectionsOf(none), none.body.warnings]).toEqual([['recent'], ['summaries_left_out']]);
    expect((await build({ max_tokens: 400, shares: { summaries: 0, recent: 0.1 } })).body.token_count).toBe(40);
  });

  it.each(['responses', 'anthropic', 'ai-sdk'])('format=%s is in formatted', async (format) => {
    await say(user('Hi'), { role: 'assistant', content: 'Hello.' });
    const { body } = await context({ format });
    expect(body).not.toHaveProperty('messages');
    expect(JSON.stringify(body.formatted)).toContain('Hello.');
    expect((await build({ format })).body).toEqual(body);
    expect((await context({ format: 'chat' })).body).toEqual((await context()).body);
  });

  it('C29 stable: contexts that follow each other begin with the same bytes for a step', async () => {
    const texts: string[] = [];
    for (let n = 0; n < 60; n += 1) {
      await say(user(`m${n}`, { token_count: 10 }));
      const { body } = await context({ max_tokens: 200, stable: 'true', step: 10 });
      expect(body.token_count).toBeLessThanOrEqual(200);
      texts.push(JSON.stringify(body.messages).slice(0, -1));
    }
    const breaks = texts.filter((text, index) => index > 0 && !text.startsWith(texts[index - 1])).length;
    expect(breaks).toBeLessThanOrEqual(5);
  });

  it('C50 the call of the newest result is read from wherever it is', async () => {
    const calls = Array.from({ length: 300 }, (_, n) => ({
      ...{ id: `c${n}`, type: 'function' },
      function: { name: 'f', arguments: '{}' },
    }));
    const results = calls.map(({ id: tool_call_id }) => ({ role: 'tool', tool_call_id, content: 'r', token_count: 1 }));
    await say(user('Go'), { role: 'assistant', content: null, tool_calls: calls, token_count: 1 }, ...results);
    for (const query of [{ window: 1 }, { max_tokens: 5 }]) {
      const { body } = await context(query);
      expect(body.messages).toHaveLength(301);
      expect(body.messages[0].tool_calls).toHaveLength(300);
    }
  });

  it('X02 the newest 20, and 4000 tokens, are one statement, however long the conversation is', async () => {
    const statements = jest.spyOn(TenantTx.prototype, 'query');
    await say(...many(1000, 50));
    for (const query of [{}, { window: 20 }, { max_tokens: 4000 }]) {
      statements.mockClear();
      const { body } = await context(query);
      const sent = statements.mock.calls.map(([statement]) => (statement as unknown as Statement).name);
      expect(sent).toEqual(['messages_window_of_session']);
      expect(body.messages).toHaveLength('max_tokens' in query ? 80 : 20);
    }
    statements.mockRestore();
  });
});
