import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { eventually } from '../support/world/events';
import { brokenCounters } from '../support/world/integrity';
import { type ModelServer, startModelServer } from '../support/servers/model-server';

/** Turns whose model fails, that are sent twice, or that meet another one. */
describe('Agent, when something goes wrong', () => {
  let server: ModelServer;
  let app: TestApp;
  let alice: Client;
  let bob: Client;
  let id: string;

  beforeAll(async () => {
    server = await startModelServer({ text: 'Hello.' });
    app = await startTestApp({ MODEL_BASE_URL: server.url, MODEL_NAME: 'test-model', MODEL_TIMEOUT_MS: '3000' });
    alice = await app.as('acme', 'alice');
    bob = await app.as('acme', 'bob');
  });
  beforeEach(() => {
    server.reset();
    id = randomUUID();
  });
  afterAll(async () => {
    expect(await brokenCounters(app.db)).toEqual([]);
    await app.close();
    await server.close();
  });

  const bodyOf = (query: string, context: object = {}) => ({
    ...{ query, context: { notebook_id: 'nb-1', session_id: id, ...context } },
  });
  const keyed = (key: string) => ({ 'idempotency-key': key });
  const ask = (query: string, headers: Record<string, string> = {}, client = alice) =>
    client.post('/agent/quick', bodyOf(query), headers);
  const messages = (): Promise<any[]> => alice.all(`/sessions/${id}/messages`);
  const texts = async () => (await messages()).map(({ content }) => content);
  const sent = () => server.requests.at(-1)!.body.messages.map(({ content }: any) => content);
  const failure = (code: string) => ({
    messages: [{ type: 'error', metadata: { code } }],
    usage: null,
    route: 'unknown',
  });
  const underWay = (count = 1) => eventually(() => server.requests.length === count);

  it.each([
    ['fails three times', { status: 500, retryAfterMs: 1 }, 'MODEL_UNAVAILABLE', 3],
    ['refuses', { status: 400, message: 'no' }, 'MODEL_REFUSED', 1],
    ['says nothing', { hang: true }, 'MODEL_TIMEOUT', 1],
    ['breaks off', { cutOff: true }, 'MODEL_UNAVAILABLE', undefined],
  ])(
    'N03 N06 P09 U106 a model that %s: 200 with an error, the question is kept, the next turn works',
    async (_, reply, code, requests) => {
      await alice.post('/sessions', { session_id: id, metadata: { custom: 1 } });
      server.always(reply);
      const { status, body } = await ask('Are you there?');
      expect([status, body.query, body.session_id]).toEqual([200, 'Are you there?', id]);
      expect(body).toMatchObject(failure(code));
      expect(typeof body.messages[0].content).toBe('string');
      if (requests) expect(server.requests).toHaveLength(requests);
      expect(await texts()).toEqual(['Are you there?']);
      expect((await alice.get(`/sessions/${id}`)).body.metadata).toEqual({ custom: 1 });
      server.reset();
      expect((await ask('And now?')).body.messages[0].type).toBe('explanation');
      expect(sent()).toEqual(['Are you there?', 'And now?']);
      expect(await texts()).toEqual(['Are you there?', 'And now?', 'Hello.']);
      expectProblem(await bob.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    },
  );

  it.each(['', ' and more'])(
    'an answer with characters that cannot be stored ends the turn all the same%s',
    async (more) => {
      for (const [text, clean] of [
        [`a\0b${more}`, `ab${more}`],
        [`x\ud800y${more}`, `x\ufffdy${more}`],
      ]) {
        server.script({ text }, { text });
        const plain = await ask('Odd?');
        expect([plain.status, plain.body.messages[0]]).toMatchObject([200, { type: 'explanation', content: clean }]);
        expect((await ask('Odd?', { accept: 'text/event-stream' })).text).toContain('event: complete');
        expect((await texts()).at(-1)).toBe(clean);
      }
    },
  );

  it('one turn at a time in a session, also of two instances; in two sessions both', async () => {
    server.always({ text: 'Slow answer here.', hang: false, pause: 30 });
    const second = alice.at((await app.second()).url);
    const stream = { accept: 'text/event-stream' };
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => ask(`q${n}`, stream, n % 2 ? second : alice)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(5).fill(409)]);
    const refused = answers.find(({ status }) => status === 409)!;
    expectProblem(refused, 409, 'TURN_IN_PROGRESS');
    expect(refused.headers['retry-after']).toBe('1');
    expect([(await messages()).length, server.requests.length]).toEqual([2, 1]);
    const own = randomUUID();
    const others = [alice.post('/agent/quick', bodyOf('x', { session_id: own }), stream), ask('x', stream, bob)];
    const both = await Promise.all([ask('again', stream), ...others]);
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it.each([1, 2, 3, 4, 5])(
    '20 times at once under one key, round %d: the model is asked once, the others wait their turn or get the answer',
    async () => {
      const second = alice.at((await app.second()).url);
      const headers = keyed(randomUUID());
      // Not all at the same moment, so that some meet the end of the turn.
      const send = (_: unknown, n: number) => sleep(n * 2).then(() => ask('Once?', headers, n % 2 ? second : alice));
      const answers = await Promise.all(Array.from({ length: 20 }, send));
      const done = answers.filter(({ status }) => status === 200);
      expect(done.length).toBeGreaterThan(0);
      for (const { body } of done) expect(body).toEqual(done[0].body);
      for (const refused of answers.filter(({ status }) => status !== 200)) {
        expectProblem(refused, 409, 'TURN_IN_PROGRESS');
        expect(refused.headers['retry-after']).toBe('1');
      }
      expect((await ask('Once?', headers)).body).toEqual(done[0].body);
      expect([server.requests.length, await texts()]).toEqual([1, ['Once?', 'Hello.']]);
      expectProblem(await ask('Other?', headers), 422, 'IDEMPOTENCY_KEY_REUSED');
      expect((await ask('Mine?', headers, bob)).status).toBe(200);
      expect([server.requests.length, await texts()]).toEqual([2, ['Once?', 'Hello.']]);
    },
  );

  it('P09 after a failure the same key asks again, and the question stands there once', async () => {
    const headers = keyed(randomUUID());
    server.script({ status: 400 }, { status: 400 });
    for (let n = 0; n < 2; n += 1) expect((await ask('Once?', headers)).body).toMatchObject(failure('MODEL_REFUSED'));
    expect((await ask('Once?', headers)).body.messages[0]).toMatchObject({ type: 'explanation', content: 'Hello.' });
    expect([sent(), await texts(), server.requests.length]).toEqual([['Once?'], ['Once?', 'Hello.'], 3]);
  });

  it('P09 a retry is about its own question, though others came after it', async () => {
    const headers = keyed(randomUUID());
    server.script({ status: 400 }, { status: 400 });
    await ask('The first?', headers);
    await ask('The second?');
    expect((await ask('The first?', headers)).body.messages[0].type).toBe('explanation');
    expect(sent().at(-1)).toBe('The first?');
  });

  it('P09 a retry after the session is gone stores its question anew', async () => {
    const headers = keyed(randomUUID());
    server.script({ status: 400 });
    await ask('Once?', headers);
    await alice.delete(`/sessions/${id}`);
    expect((await ask('Once?', headers)).status).toBe(200);
    expect(await texts()).toEqual(['Once?', 'Hello.']);
  });

  it.each([
    ['put to sleep', 'session_id = NULL'],
    ['about to expire', `expires_at = now() + interval '1 s'`],
  ])('C03 a session that is %s in mid-turn keeps the answer, and is free afterwards', async (_, change) => {
    server.script({ text: 'a b c d e f', pause: 80 });
    const turn = ask('Are you there?', { accept: 'text/event-stream' });
    await underWay();
    await app.db.query(`UPDATE threads SET ${change} WHERE id = (SELECT thread_id FROM sessions WHERE id = $1)`, [id]);
    expect((await turn).text).toContain('event: complete');
    expect(await texts()).toEqual(['Are you there?', 'a b c d e f']);
    expect((await ask('And now?')).body.messages[0].content).toBe('Hello.');
  });

  it('a session that is deleted in mid-turn is not made again by the answer', async () => {
    server.script({ hang: true });
    const first = ask('Gone?');
    await underWay();
    expect((await alice.delete(`/sessions/${id}`)).status).toBe(200);
    expect((await first).status).toBe(200);
    expectProblem(await alice.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    server.reset();
    server.script({ hang: true });
    const old = ask('Old?');
    await underWay();
    await alice.delete(`/sessions/${id}`);
    expect((await ask('New?')).body.messages[0].type).toBe('explanation');
    await old;
    expect(await texts()).toEqual(['New?', 'Hello.']);
  });

  it('what is written in mid-turn stays, and the answer comes after it', async () => {
    server.script({ text: 'a b c d e f', pause: 40 });
    const first = ask('Streamed?', { accept: 'text/event-stream' });
    await underWay();
    await alice.post(`/sessions/${id}/messages`, { role: 'user', content: 'By the way' });
    await alice.patch(`/sessions/${id}/variables`, { late: 'int' });
    await first;
    expect(await texts()).toEqual(['Streamed?', 'By the way', 'a b c d e f']);
    expect((await alice.get(`/sessions/${id}`)).body).toMatchObject({ variables: ['late'], message_count: 3 });
  });

  it('a turn whose time is over gives the session to the next, and its late answer is dropped', async () => {
    server.script({ hang: true });
    const late = ask('Late?', { accept: 'text/event-stream' });
    await underWay();
    expectProblem(await ask('Too early?'), 409, 'TURN_IN_PROGRESS');
    await app.db.query(`UPDATE sessions SET turn_expires_at = now() - interval '1 s' WHERE id = $1`, [id]);
    expect((await ask('Next?')).status).toBe(200);
    expect((await late).text).toContain('MODEL_TIMEOUT');
    expect(await texts()).toEqual(['Late?', 'Next?', 'Hello.']);
    expect((await ask('And on?')).status).toBe(200);
  });
});
