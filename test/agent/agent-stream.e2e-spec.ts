import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { eventually, openStream, parseEvents } from '../support/world/events';
import { brokenCounters } from '../support/world/integrity';
import { type ModelServer, startModelServer } from '../support/servers/model-server';

const TEXT = 'One two three four five six seven eight. Grüße 👩‍👩‍👧 你好!';

/** The answer as it is said: `Accept: text/event-stream`. */
describe('Agent, streamed', () => {
  let server: ModelServer;
  let app: TestApp;
  let local: TestApp;
  let alice: Client;
  let bob: Client;
  let id: string;

  beforeAll(async () => {
    server = await startModelServer({ text: TEXT });
    local = await startTestApp();
    const prices = { MODEL_INPUT_PRICE: '50', MODEL_OUTPUT_PRICE: '100' };
    app = await local.second({ MODEL_BASE_URL: server.url, MODEL_NAME: 'test-model', ...prices });
    alice = (await local.as('acme', 'alice')).at(app.url);
    bob = (await local.as('acme', 'bob')).at(app.url);
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

  const EVENTS = { accept: 'text/event-stream' };
  const bodyOf = (query: string) => ({ query, context: { notebook_id: 'nb-1', session_id: id } });
  const ask = (query: string, headers: Record<string, string> = EVENTS, client = alice) =>
    client.post('/agent/quick', bodyOf(query), headers);
  const open = (query: string) => openStream(alice, app.url, bodyOf(query));
  const messages = (): Promise<any[]> => alice.all(`/sessions/${id}/messages`);
  const isFree = async () => {
    const { rows } = await local.db.query('SELECT turn_id FROM sessions WHERE id = $1', [id]);
    return rows.length > 0 && rows.every(({ turn_id }) => turn_id === null);
  };

  it.each([
    ['a model', () => app.url],
    ['the local responder', () => local.url],
  ])('N44 U106 deltas make the message, then the message, then the whole: %s', async (_, url) => {
    const client = alice.at(url());
    const { status, headers, text } = await ask('Hi there', EVENTS, client);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      ...[200, 'text/event-stream; charset=utf-8', 'no-store'],
    ]);
    const events = parseEvents(text);
    const deltas = events.filter(({ event }) => event === 'delta');
    expect(deltas.length).toBeGreaterThan(3);
    expect(events.map(({ event }) => event)).toEqual([...deltas.map(() => 'delta'), 'message', 'complete']);
    const [message, complete] = events.slice(-2).map(({ data }) => data);
    expect(deltas.map(({ data }) => data.content).join('')).toBe(message.content);
    expect(complete).toMatchObject({ query: 'Hi there', route: 'unknown', messages: [message], session_id: id });
    const [question, answer] = await messages();
    expect([question.content, answer.content, answer.metadata.usage]).toEqual([
      ...['Hi there', message.content, complete.usage],
    ]);
    const { metadata } = (await alice.get(`/sessions/${id}`)).body;
    const { total_tokens, cost_usd } = complete.usage;
    expect(metadata).toEqual({ total_tokens, total_cost_usd: cost_usd });
    expectProblem(await bob.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
  });

  it('N44 gives the pieces while the model still speaks', async () => {
    server.script({ text: TEXT, pause: 100 });
    const stream = open('Slow?');
    const events = await stream.waitFor('delta');
    expect(events.map(({ event }) => event)).not.toContain('complete');
    expect(await isFree()).toBe(false);
    expect((await stream.waitFor('complete')).at(-1)!.data.messages[0].content).toBe(TEXT);
    expect(await isFree()).toBe(true);
  });

  it('N44 what is wrong before the first word is a problem document, not a stream', async () => {
    for (const body of [{}, { ...bodyOf(''), query: '' }, { context: bodyOf('x').context }]) {
      expectProblem(await alice.post('/agent/quick', body, EVENTS), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await app.anonymous().post('/agent/quick', bodyOf('x'), EVENTS), 401);
    expectProblem(await alice.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    server.script({ hang: true });
    const stream = open('First');
    await eventually(() => server.requests.length === 1);
    expectProblem(await ask('Second'), 409, 'TURN_IN_PROGRESS');
    stream.leave();
    await eventually(isFree);
    expect((await messages()).map(({ content }) => content)).toEqual(['First']);
  });

  it('a client that goes leaves what was said so far, marked, and a free session', async () => {
    server.script({ text: TEXT, pause: 60 });
    const stream = open('Long?');
    await stream.waitFor('delta');
    stream.leave();
    await eventually(isFree);
    await eventually(() => server.requests[0].aborted);
    const [question, answer] = await messages();
    expect(question.content).toBe('Long?');
    expect(answer).toMatchObject({ role: 'assistant', metadata: { incomplete: true, model: 'test-model' } });
    expect(answer.content.length).toBeGreaterThan(0);
    expect(TEXT.startsWith(answer.content) && answer.content !== TEXT).toBe(true);
    expect((await ask('Again?')).status).toBe(200);
    expect(server.requests.at(-1)!.body.messages.map(({ content }: any) => content)).toEqual([
      ...['Long?', answer.content, 'Again?'],
    ]);
    expect(await messages()).toHaveLength(4);
  });

  it('a client that goes before the first word leaves its question, and a free session', async () => {
    server.script({ hang: true });
    const stream = open('Nothing yet?');
    await eventually(() => stream.isHeard && server.requests.length === 1);
    stream.leave();
    await eventually(isFree);
    await eventually(() => server.requests[0].aborted);
    expect((await messages()).map(({ content }) => content)).toEqual(['Nothing yet?']);
  });

  it('a client that goes while its question is still being stored leaves a free session', async () => {
    await ask('First');
    const lock = await local.db.connect();
    try {
      await lock.query('BEGIN');
      await lock.query('SELECT 1 FROM threads WHERE session_id = $1 FOR UPDATE', [id]);
      const stream = open('Second');
      await eventually(async () => (await local.db.query(`SELECT 1 FROM pg_locks WHERE NOT granted`)).rowCount! > 0);
      stream.leave();
    } finally {
      await lock.query('ROLLBACK');
      lock.release();
    }
    await eventually(async () => (await messages()).length > 2);
    await eventually(isFree);
    expect((await ask('Third')).status).toBe(200);
  });

  it.each([
    ['breaks off', { text: TEXT, cutOff: true }],
    ['stops without an end', { text: TEXT, pause: 400 }],
  ])(
    'P09 a model that %s leaves what it said, marked; the stream ends with an error, and the next turn works',
    async (_, reply) => {
      const short = await local.second({
        MODEL_BASE_URL: server.url,
        MODEL_NAME: 'test-model',
        MODEL_TIMEOUT_MS: '2000',
      });
      const client = alice.at(short.url);
      server.script(reply);
      const events = parseEvents((await ask('Broken?', EVENTS, client)).text);
      const said = events
        .filter(({ event }) => event === 'delta')
        .map(({ data }) => data.content)
        .join('');
      expect(said.length).toBeGreaterThan(0);
      expect(events.slice(-2).map(({ event }) => event)).toEqual(['message', 'complete']);
      expect(events.at(-1)!.data).toMatchObject({ messages: [{ type: 'error' }], usage: null, session_id: id });
      expect(await isFree()).toBe(true);
      const [, answer] = await messages();
      expect(answer).toMatchObject({ content: said, metadata: { incomplete: true } });
      expect(parseEvents((await ask('Next?', EVENTS, client)).text).at(-1)!.data.messages[0]).toMatchObject({
        ...{ type: 'explanation', content: TEXT },
      });
    },
  );

  it('a retry of a streamed turn gets the whole answer, streamed or not, and the model is asked once', async () => {
    const headers = { ...EVENTS, 'idempotency-key': randomUUID() };
    const first = parseEvents((await ask('Once?', headers)).text).at(-1)!.data;
    const again = parseEvents((await ask('Once?', headers)).text);
    expect(again).toEqual([
      { event: 'message', data: first.messages[0] },
      { event: 'complete', data: first },
    ]);
    const plain = await ask('Once?', { 'idempotency-key': headers['idempotency-key'] });
    expect([plain.status, plain.body]).toEqual([200, first]);
    expect(server.requests).toHaveLength(1);
    expect(await messages()).toHaveLength(2);
    const theirs = await ask('Once?', headers, bob);
    expect([parseEvents(theirs.text).at(-1)!.data.session_id, server.requests.length]).toEqual([id, 2]);
  });
});
