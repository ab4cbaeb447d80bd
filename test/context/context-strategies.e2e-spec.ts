import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const user = (content: string, extra = {}) => ({ role: 'user', content, ...extra });
const system = (content: string, extra = {}) => ({ role: 'system', content, ...extra });
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `m${from + n}`);
const many = (count: number, token_count = 10) => names(0, count).map((name) => user(name, { token_count }));
const textsOf = ({ body }: { body: any }): string[] => body.messages.map(({ content }: any) => content);

/** How messages are chosen: `strategy`, on threads and on sessions. */
describe('Context strategies', () => {
  const { app, alice, bob, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex')];

  const threadWith = async (...messages: object[]): Promise<string> => {
    const { id } = await alice.createThread('A thread');
    if (messages.length > 0) await alice.addMessages(id, messages);
    return id as string;
  };
  const context = (id: string, query = {}, client = alice) => client.get(`/threads/${id}/context`, { query });

  it('P58 S28 U96 an unknown strategy is 400, and so is what does not go together', async () => {
    const id = await threadWith(user('Hi'));
    for (const query of [
      ...['newest', 'Sliding', 'none '].map((strategy) => ({ strategy })),
      { strategy: 'time_window' },
      { strategy: 'time_window', after: 'yesterday' },
      { strategy: 'time_window', max_age_hours: '1', after: '0' },
      { max_age_hours: '1' },
      { min_recent: '3' },
      { step: '5' },
      { stable: 'yes' },
      { format: 'xml' },
      { max_tokens: '10', token_budget: '11' },
      // U103: nothing that is to be found, or to be seen.
      ...['0', '-1', '101'].map((top_k) => ({ top_k })),
      { window: '0' },
      { shares: '{}' },
    ]) {
      expectProblem(await context(id, query), 400, 'VALIDATION_FAILED');
    }
    for (const shares of [
      { facts: 2 },
      { facts: -0.1 },
      { other: 0.1 },
      { facts: '0.1' },
      { facts: 0.6, summaries: 0.6 },
      [],
    ]) {
      expectProblem(await alice.post(`/threads/${id}/context`, { shares }), 400, 'VALIDATION_FAILED');
    }
  });

  it('P58 sliding, truncate, oldest and nothing keep the newest that fit', async () => {
    const id = await threadWith(...many(10));
    for (const strategy of ['sliding', 'truncate', 'oldest', '']) {
      expect(textsOf(await context(id, { strategy, token_budget: 45 }))).toEqual(names(6, 10));
    }
    expect(textsOf(await context(id, { max_tokens: 45, reserve_tokens: 20 }))).toEqual(names(8, 10));
  });

  it('U90 U91 U94 U95 passes what fits, truncates what does not, and counts what it was told', async () => {
    const id = await threadWith(...many(3));
    expect((await context(id, { token_budget: 1000 })).body).toMatchObject({ truncated: false, token_count: 30 });
    const cut = await context(id, { token_budget: 25 });
    expect([textsOf(cut), cut.body.truncated, cut.body.token_count]).toEqual([names(1, 3), true, 20]);
  });

  it('U92 a budget of 0 is none, also where the session has one', async () => {
    const id = randomUUID();
    await alice.post('/sessions', { session_id: id, max_tokens: 10 });
    await alice.post(`/sessions/${id}/messages`, { messages: many(30) });
    expect(textsOf(await alice.get(`/sessions/${id}/context`))).toEqual(['m29']);
    const all = await alice.get(`/sessions/${id}/context`, { query: { max_tokens: 0 } });
    expect([textsOf(all), all.body.token_budget]).toEqual([names(0, 30), null]);
  });

  it('U93 P58 fail is 422 over the budget, and everything within it', async () => {
    const id = await threadWith(...many(30));
    expectProblem(await context(id, { strategy: 'fail', max_tokens: 299 }), 422, 'TOKEN_BUDGET_EXCEEDED');
    const whole = await context(id, { strategy: 'fail', max_tokens: 300 });
    expect([textsOf(whole), whole.body.truncated]).toEqual([names(0, 30), false]);
    for (const stranger of strangers) {
      expectProblem(await context(id, { strategy: 'fail', max_tokens: 1 }, stranger), 404, 'THREAD_NOT_FOUND');
    }
  });

  it('S28 none leaves nothing of the window out, and says that it is too much', async () => {
    const id = await threadWith(...many(30));
    const { body } = await context(id, { strategy: 'none', max_tokens: 50 });
    expect(body).toMatchObject({ token_count: 300, truncated: false, warnings: ['budget_exceeded'] });
  });

  it('U98 P58 summarize puts one summary before the tail; its messages stay stored', async () => {
    const id = await threadWith(...many(40));
    const answer = await context(id, { strategy: 'summarize', max_tokens: 300, explain: 'true' });
    const [summary, ...tail] = textsOf(answer);
    expect(answer.body.messages[0].role).toBe('system');
    expect([tail, answer.body.warnings]).toEqual([names(25, 40), []]);
    expect(summary).toMatch(new RegExp(`^\\[Summary of ${40 - tail.length} earlier messages\\]: .`));
    expect(answer.body.token_count).toBeLessThanOrEqual(300);
    expect(answer.body.explanation.filter(({ reason }: any) => reason === 'summarized')).toHaveLength(40 - tail.length);
    expect((await alice.get(`/threads/${id}/messages`)).body.total).toBe(40);
    expect((await alice.get(`/threads/${id}/summaries`)).body.data).toEqual([]);
  });

  it('C24 summarize with a window: one summary, and the last n word for word', async () => {
    const id = await threadWith(...many(30));
    const [summary, ...tail] = textsOf(await context(id, { strategy: 'summarize', window: 10 }));
    expect(summary).toMatch(/^\[Summary of 20 earlier messages\]: ./);
    expect(tail).toEqual(names(20, 30));
    const short = await threadWith(...many(10));
    expect(textsOf(await context(short, { strategy: 'summarize', window: 10 }))).toEqual(names(0, 10));
  });

  it('U97 P58 relevance keeps the newest three, system messages and what the question is about, in order', async () => {
    const id = await threadWith(
      user('My dog is called Rex', { token_count: 10 }),
      ...many(20),
      system('Be brief.', { token_count: 10 }),
      ...many(20),
    );
    const question = 'What is my dog called?';
    const answer = await context(id, { strategy: 'relevance', question, facts: 'false', max_tokens: 56 });
    expect(textsOf(answer)).toEqual(['My dog is called Rex', 'Be brief.', 'm17', 'm18', 'm19', question]);
  });

  it('time_window keeps what is young by the timestamp of the caller, or of storing', async () => {
    const hour = 3_600_000;
    const ago = (hours: number) => new Date(Date.now() - hours * hour).toISOString();
    const id = await threadWith(
      user('old', { timestamp: ago(48) }),
      user('recent', { timestamp: ago(1) }),
      user('older', { timestamp: ago(30) }),
      user('now'),
    );
    const within = (query: object) => context(id, { strategy: 'time_window', ...query });
    expect(textsOf(await within({ max_age_hours: 2 }))).toEqual(['recent', 'now']);
    expect(textsOf(await within({ max_age_hours: 40 }))).toEqual(['recent', 'older', 'now']);
    expect(textsOf(await within({ after: ago(2) }))).toEqual(['recent', 'now']);
    expect(textsOf(await within({ max_age_hours: 0 }))).toEqual(['now']);
    expect((await within({ max_age_hours: 2 })).body.truncated).toBe(false);
  });

  it('P59 U76 U79 without window and budget: 200 newest with those at the head, and a warning over 100', async () => {
    const id = await threadWith(system('rules'), ...many(249));
    const { body } = await context(id, { strategy: 'sliding' });
    expect(body).toMatchObject({ truncated: true, warnings: ['large_conversation'], total: 250 });
    expect(body.messages.map(({ content }: any) => content)).toEqual(['rules', ...names(50, 249)]);
    expect((await context(id)).body.warnings).toEqual(['large_conversation']);
    for (const query of [{ window: 50 }, { max_tokens: 100 }, { max_tokens: 0 }]) {
      expect((await context(id, query)).body.warnings).toEqual([]);
    }
    const exactly = await threadWith(...many(100));
    expect((await context(exactly, { strategy: 'sliding' })).body).toMatchObject({ truncated: false, warnings: [] });
  });

  it('U77 U78 the limit is configured, and never cuts those at the head', async () => {
    const over = async (limit: number) => alice.at((await app.second({ CONTEXT_MAX_MESSAGES: String(limit) })).url);
    const eighty = await threadWith(...many(80));
    const query = { strategy: 'sliding' };
    expect(textsOf(await context(eighty, query, await over(50)))).toEqual(names(30, 80));
    const headed = await threadWith(system('a'), system('b'), ...many(48));
    expect(textsOf(await context(headed, query, await over(20)))).toEqual(['a', 'b', ...names(30, 48)]);
    const rules = await threadWith(system('a'), system('b'), system('c'));
    expect(textsOf(await context(rules, query, await over(2)))).toEqual(['a', 'b', 'c']);
  });

  it('U100 keeps system messages; what they leave is for the others', async () => {
    const id = await threadWith(system('rules', { token_count: 50 }), ...many(5));
    expect(textsOf(await context(id, { max_tokens: 70 }))).toEqual(['rules', 'm3', 'm4']);
    const alone = await context(id, { max_tokens: 20 });
    expect([textsOf(alone), alone.body.warnings]).toEqual([['rules', 'm4'], ['budget_exceeded']]);
    const reserved = await context(id, { max_tokens: 20, reserve_tokens: 20 });
    expect([textsOf(reserved), reserved.body.warnings]).toEqual([['rules', 'm4'], ['budget_exceeded']]);
  });

  it('C29 reads on until a large budget is full, and no further than 1000', async () => {
    const id = await threadWith();
    await alice.addMessages(id, many(1000, 1));
    await alice.addMessages(id, many(100, 1));
    expect(textsOf(await context(id, { max_tokens: 700 }))).toHaveLength(700);
    const { body } = await context(id, { max_tokens: 5000 });
    expect(body).toMatchObject({ truncated: true, warnings: ['message_limit'], total: 1100 });
    expect(body.messages).toHaveLength(1000);
  });

  it('C32 counts for the model that is named, with calls, names and what stands around', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'search', arguments: '{"city": "Kyoto"}' } };
    const id = await threadWith(
      user('Hello there'),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', name: 'search', content: 'none' },
    );
    const count = async (query = {}) => (await context(id, query)).body.token_count;
    const [plain, gpt, claude, unknown] = [
      await count(),
      await count({ model: 'gpt-4o' }),
      await count({ model: 'claude-sonnet-4-5' }),
      await count({ model: 'mystery' }),
    ];
    expect(gpt).toBeGreaterThan(plain + 3 * 4);
    expect(claude).toBeGreaterThan(gpt);
    expect(unknown).toBeGreaterThanOrEqual(claude);
  });
});
