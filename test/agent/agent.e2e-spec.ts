import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';
import { type ModelServer, startModelServer } from '../support/servers/model-server';

const MODEL = {
  MODEL_NAME: 'test-model',
  MODEL_API_KEY: 'sk-of-the-server-1234',
  MODEL_INPUT_PRICE: '50',
  MODEL_OUTPUT_PRICE: '100',
};

/** One turn, end to end: with the local responder, and with a model. */
describe('Agent', () => {
  let server: ModelServer;
  let local: TestApp;
  let app: TestApp;
  let alice: Client;
  let strangers: Client[];
  let id: string;

  beforeAll(async () => {
    server = await startModelServer({ text: 'Hello.' });
    local = await startTestApp({ SESSION_HISTORY_LIMIT: '50' });
    app = await local.second({ ...MODEL, MODEL_BASE_URL: server.url });
    alice = await app.as('acme', 'alice');
    strangers = [await app.as('acme', 'bob'), await app.as('globex', 'alice'), await app.as('acme', 'root', 'admin')];
  });
  beforeEach(() => {
    server.reset();
    id = randomUUID();
  });
  afterAll(async () => {
    expect(await brokenCounters(local.db)).toEqual([]);
    await local.close();
    await server.close();
  });

  const bodyOf = (query: string, context: object = {}) => ({
    query,
    context: { notebook_id: 'nb-1', session_id: id, ...context },
  });
  const ask = (query: string, context: object = {}, client = alice) =>
    client.post('/agent/quick', bodyOf(query, context));
  const history = async (client = alice, query = {}): Promise<any> =>
    (await client.get(`/sessions/${id}/history`, { query })).body;
  const session = async (): Promise<any> => (await alice.get(`/sessions/${id}`)).body;
  const messages = (): Promise<any[]> => alice.all(`/sessions/${id}/messages`);
  const lastRequest = () => server.requests.at(-1)!;
  const offline = () => alice.at(local.url);

  it('N01 N03 N04 N07 answers the documented call, and makes the session', async () => {
    expectProblem(await alice.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    const { status, body } = await ask('Hi there', { variables: { df: 'DataFrame' }, cell_count: 3 });
    expect(status).toBe(200);
    expect(body).toEqual({
      query: 'Hi there',
      route: 'unknown',
      messages: [{ type: 'explanation', content: 'Hello.', metadata: { model: 'test-model', finish_reason: 'stop' } }],
      usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, cost_usd: 0.001 },
      session_id: id,
    });
    expect(await session()).toMatchObject({ notebook_id: 'nb-1', variables: ['df'], turn_count: 2, user_id: 'alice' });
    const [question, answer] = await messages();
    expect(question).toMatchObject({ role: 'user', content: 'Hi there', metadata: { cell_count: 3 } });
    expect(answer).toMatchObject({ role: 'assistant', content: 'Hello.', token_count: 5, cost: 0.0005 * 2 });
    expect(answer.metadata).toMatchObject({ route: 'unknown', model: 'test-model', finish_reason: 'stop' });
    for (const stranger of strangers) expectProblem(await stranger.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
  });

  it('N05 N09 N13 N14 N21 N42 C02 U30 three questions are six turns, and the variables add up', async () => {
    for (const variables of [{}, { df: 'DataFrame' }, { df: 'DataFrame', age: 'int' }]) {
      const { body } = await ask('What variables are available?', { variables, cell_count: 0 }, offline());
      expect(typeof body.messages[0].content).toBe('string');
      expect(body.messages[0].type).toBe('explanation');
    }
    const { turn_count, total_turns, history: entries } = await history();
    expect([turn_count, total_turns]).toEqual([6, 6]);
    expect(entries.map(({ role }: any) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
    for (const entry of entries) expect(Object.keys(entry).sort()).toEqual(['content', 'role']);
    expect(entries[5].content).toMatch(/age: int[^]*df: DataFrame/);
    expect((await session()).variables).toEqual(['df', 'age']);
    expect(await history(alice, { max_turns: 2 })).toMatchObject({ turn_count: 2, total_turns: 6 });
    await ask('More?', { variables: {} }, offline());
    await ask('More?', { variables: null }, offline());
    expect((await session()).variables).toEqual(['df', 'age']);
    await alice.put(`/sessions/${id}/variables`, { only: 'int' });
    expect((await session()).variables).toEqual(['only']);
    for (const stranger of strangers) {
      expectProblem(await stranger.get(`/sessions/${id}/history`), 404, 'SESSION_NOT_FOUND');
    }
  });

  it('N41 C30 the first notebook stays', async () => {
    await ask('one', { notebook_id: 'first' });
    expect((await ask('two', { notebook_id: 'second' })).status).toBe(200);
    expect((await session()).notebook_id).toBe('first');
  });

  it('N10 the state has history, variables, notebook and the time of the last write', async () => {
    await ask('Hi', { variables: { df: 'DataFrame' } });
    const { body } = await alice.get(`/sessions/${id}/state`);
    expect(body).toMatchObject({ session_id: id, notebook_id: 'nb-1', notebook_variables: { df: 'DataFrame' } });
    expect(body.history.map(({ role, content }: any) => [role, content])).toEqual([
      ['user', 'Hi'],
      ['assistant', 'Hello.'],
    ]);
    expect(new Date(body.last_activity).toISOString()).toBe(body.last_activity);
  });

  it('N08 P63 C27 a fact of turn 1 is in turn 2, also of another instance; not under another id, nor for a stranger', async () => {
    await ask('My name is Alice.', {}, offline());
    const second = await local.second({ MODEL_BASE_URL: undefined });
    const name = 'What is my name?';
    expect((await ask(name, {}, alice.at(second.url))).body.messages[0].content).toContain('My name is Alice.');
    expect((await ask(name, { session_id: randomUUID() }, offline())).text).not.toContain('Alice');
    for (const stranger of strangers) expect((await ask(name, {}, stranger.at(local.url))).text).not.toContain('Alice');
    const asked = (await alice.get(`/sessions/${id}/context`)).body.messages;
    expect(JSON.stringify(asked)).toContain('My name is Alice.');
  });

  it('N08 C27 the model gets the system prompt, facts, variables, the notebook and the last turns', async () => {
    await alice.post('/sessions', { session_id: id, system_prompt: 'You are terse.' });
    const user = await app.as('acme', randomUUID());
    for (const [key, value, session_id] of [
      ['city', 'Kyoto'],
      ['plan', 'tea', id],
      ['secret', 'x', randomUUID()],
    ]) {
      await alice.put(`/memory/${key}`, { value, session_id });
    }
    server.script({ text: 'First.' }, { text: 'Second.' });
    await ask('One?', { variables: { df: 'DataFrame' } });
    await ask('Two?', { variables: { n: 'int' }, cell_count: 7, current_cell: 'x = 1', last_error: 'NameError: y' });
    const [system, ...rest] = lastRequest().body.messages;
    for (const text of [
      'You are terse.',
      'city: Kyoto',
      'plan: tea',
      'df: DataFrame',
      'n: int',
      '7 cells',
      'x = 1',
      'NameError: y',
    ]) {
      expect(system.content).toContain(text);
    }
    expect([system.role, system.content.includes('secret')]).toEqual(['system', false]);
    expect(rest).toEqual([
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'First.' },
      { role: 'user', content: 'Two?' },
    ]);
    await ask('And me?', {}, user);
    expect(lastRequest().body.messages).toEqual([{ role: 'user', content: 'And me?' }]);
    await alice.delete('/memory');
  });

  it('N08 the model gets no more than max_tokens and 20 messages, and the question always', async () => {
    const long = Array.from({ length: 40 }, (_, n) => ({
      role: n % 2 ? 'assistant' : 'user',
      content: `m${n} ${'word '.repeat(50)}`,
    }));
    await alice.post(`/sessions/${id}/messages`, { messages: long });
    await ask('Last?');
    expect(lastRequest().body.messages).toHaveLength(20);
    await alice.patch(`/sessions/${id}`, { max_tokens: 200 });
    await ask('Tight?');
    const sent = lastRequest().body.messages;
    expect([sent.length < 8, sent.at(-1)]).toEqual([true, { role: 'user', content: 'Tight?' }]);
    await alice.patch(`/sessions/${id}`, { max_tokens: 1 });
    await ask('None?');
    expect(lastRequest().body.messages).toEqual([{ role: 'user', content: 'None?' }]);
    expect(await messages()).toHaveLength(46);
  });

  it('U106 counts what the turn cost, each turn anew, and keeps the other metadata', async () => {
    await alice.post('/sessions', { session_id: id, metadata: { custom: { a: 1 } } });
    for (const count of [2, 4, 6]) {
      await ask('Hi');
      const { metadata, message_count, total_cost } = await session();
      expect(metadata).toEqual({ custom: { a: 1 }, total_tokens: 15, total_cost_usd: 0.001 });
      expect([message_count, total_cost]).toEqual([count, (count / 2) * 0.001]);
    }
    server.always({ usage: { input: 1, output: 1 } });
    const { usage } = (await ask('Hi')).body;
    expect(usage).toEqual({ input_tokens: 1, output_tokens: 1, total_tokens: 2, cost_usd: 0.00015 });
    expect((await session()).metadata).toEqual({ custom: { a: 1 }, total_tokens: 2, total_cost_usd: 0.00015 });
  });

  it('N07 an answer of no text is not stored', async () => {
    server.always({ text: '' });
    const { status, body } = await ask('Say nothing');
    expect([status, body.messages[0].content]).toEqual([200, '']);
    expect((await messages()).map(({ role }) => role)).toEqual(['user']);
  });

  it('U31 a notebook keeps its newest 50 turns, shows 20, is cleared, and goes on', async () => {
    for (let n = 0; n < 26; n += 1) expect((await ask(`q${n}`, {}, offline())).status).toBe(200);
    expect(await history()).toMatchObject({ turn_count: 20, total_turns: 50 });
    expect((await messages())[0]).toMatchObject({ seq: 3, content: 'q1' });
    expect((await alice.delete(`/sessions/${id}`)).status).toBe(200);
    expectProblem(await alice.get(`/sessions/${id}/history`), 404, 'SESSION_NOT_FOUND');
    await ask('anew', {}, offline());
    expect(await history()).toMatchObject({ turn_count: 2 });
  });
});
