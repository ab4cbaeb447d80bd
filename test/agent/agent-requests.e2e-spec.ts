import { randomUUID } from 'node:crypto';
import { Agent } from 'undici';
import { world } from '../support/world';
import { Client, expectProblem } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { eventually, openStream } from '../support/world/events';
import { makeKey } from '../support/world/keys';
import { type ModelServer, startModelServer } from '../support/servers/model-server';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const OWN_KEY = 'sk-of-the-caller-abcdef0123456789';

const bodyOf = (query: unknown, context: object = {}) => ({
  ...{ query, context: { notebook_id: 'nb-1', session_id: 's', ...context } },
});

/** What may be asked. */
describe('Requests to the agent', () => {
  const { app, alice } = world();

  const sessions = async () => (await app.db.query('SELECT count(*)::int AS n FROM sessions')).rows[0].n;
  const raw = (path: string, text: string) =>
    alice.send('POST', path, { raw: text, headers: { 'content-type': 'application/json' } });

  it('N02 refuses what it cannot take, before anything is stored', async () => {
    const before = await sessions();
    const contexts = [
      {},
      { notebook_id: 'nb' },
      { session_id: 's' },
      ...['', null, 7, 'x'.repeat(256), 'x'.repeat(300)].flatMap((id) => [
        { notebook_id: id, session_id: 's' },
        { notebook_id: 'nb', session_id: id },
      ]),
      ...[[], 'x', 7].map((variables) => ({ notebook_id: 'nb', session_id: 's', variables })),
      ...[-1, 1.5, '3', null].map((cell_count) => ({ notebook_id: 'nb', session_id: 's', cell_count })),
      { notebook_id: 'nb', session_id: 's', raw: 1 },
      { notebook_id: 'nb', session_id: 's', variables: { big: 'x'.repeat(70_000) } },
    ];
    for (const context of [...contexts, null, undefined, 'x', []]) {
      expectProblem(await alice.post('/agent/quick', { query: 'Hi', context }), 400, 'VALIDATION_FAILED');
    }
    for (const query of ['', null, undefined, 7, {}, ['x']]) {
      expectProblem(await alice.post('/agent/quick', bodyOf(query)), 400, 'VALIDATION_FAILED');
    }
    for (const session_id of ['search', 'current', 'export', 'import', 'batch-get']) {
      expectProblem(await alice.post('/agent/quick', bodyOf('Hi', { session_id })), 400, 'SESSION_ID_RESERVED');
    }
    expectProblem(await alice.post('/agent/quick', bodyOf('Hi', { session_id: 'a\nb' })), 400, 'INVALID_ID');
    for (const session_id of ['%00', 'a\0b', '\ud800']) {
      const answer = await alice.post('/agent/quick', bodyOf('Hi', { session_id }));
      if (session_id === '%00') expect([answer.status, answer.body.session_id]).toEqual([200, '%00']);
      else expectProblem(answer, 400, 'INVALID_TEXT');
    }
    expectProblem(await app.anonymous().post('/agent/quick', bodyOf('Hi')), 401);
    expect(await sessions()).toBe(before + 1);
  });

  it('N02 takes ids of 255 characters, of any script, and goes on with them', async () => {
    for (const session_id of ['x'.repeat(255), 'Zoë 你好 / ? # %', "'; --"]) {
      for (const count of [2, 4]) {
        expect((await alice.post('/agent/quick', bodyOf('Hi', { session_id }))).status).toBe(200);
        const { body } = await alice.get(`/sessions/${encodeURIComponent(session_id)}/history`);
        expect(body.turn_count).toBe(count);
      }
    }
  });

  it('N09 variables do not grow beyond their limit, turn by turn', async () => {
    const grow = (name: string) =>
      alice.post('/agent/quick', bodyOf('Hi', { session_id: 'grow', variables: { [name]: 'x'.repeat(40_000) } }));
    expect((await grow('a')).status).toBe(200);
    expectProblem(await grow('b'), 400, 'METADATA_TOO_LARGE');
    expect((await alice.get('/sessions/grow')).body).toMatchObject({ variables: ['a'], message_count: 2 });
    expect((await grow('a')).status).toBe(200);
  });

  it('N01 takes the documented call with its comment; other routes do not, and a # in a text stays', async () => {
    const documented = `{
      "query": "What variables are # available?",
      "context": {
        "notebook_id": "test-notebook-1",
        "session_id": "my-session-123",  # Use same session_id!
        "variables": {"df_sales": "DataFrame"},
        "cell_count": 5 # the "last" \\ one
      }
    }`;
    const { status, body } = await raw('/agent/quick', documented);
    expect([status, body.query, body.session_id]).toEqual([200, 'What variables are # available?', 'my-session-123']);
    expect((await alice.get('/sessions/my-session-123')).body.variables).toEqual(['df_sales']);
    const comment = '{"name": "x"} # a comment';
    for (const path of ['/threads', '/sessions', '/sessions/my-session-123/messages']) {
      expectProblem(await raw(path, comment), 400, 'INVALID_JSON');
    }
    for (const text of ['# only a comment', '{"query": "x # y', '{"query": "x"} // other', `{"a": "\\`]) {
      expectProblem(await raw('/agent/quick', text), 400);
    }
  });
});

/** Over real processes: keys in no log, and what a killed server leaves. */
describe('The agent of a real server', () => {
  let models: ModelServer;
  let database: TestDatabase;
  let agent: Agent;
  let server: ServerProcess;
  let alice: Client;

  const start = async () => {
    const env = {
      DATABASE_URL: database.url,
      MODEL_BASE_URL: models.url,
      MODEL_NAME: 'test-model',
      LOG_LEVEL: 'trace',
    };
    server = await startServer({ ...env, MODEL_API_KEY: 'sk-of-the-server-9876543210' });
    return server;
  };
  beforeAll(async () => {
    models = await startModelServer({ text: 'Hello.' });
    database = await cloneDatabase();
    agent = new Agent();
    const authorization = await makeKey(database.pool, 'acme', 'alice', 'member');
    alice = new Client((await start()).url, agent, { authorization });
  });
  afterAll(async () => {
    await server.kill();
    await agent.destroy();
    await database.drop();
    await models.close();
  });

  it("N02 a caller's key goes to the model, and is in no row, log line or answer, also if the model repeats it", async () => {
    models.reset();
    models.script(
      { text: 'One.' },
      { status: 401, message: `Incorrect API key: ${OWN_KEY}` },
      { status: 400, message: OWN_KEY },
    );
    const answers = [];
    for (const query of ['a', 'b', 'c']) {
      const headers = { 'idempotency-key': randomUUID() };
      answers.push(await alice.post('/agent/quick', bodyOf(query, { api_key: OWN_KEY }), headers));
    }
    await alice.post('/agent/quick', bodyOf('d'));
    expect(models.requests.map(({ headers }) => headers.authorization)).toEqual([
      ...Array(3).fill(`Bearer ${OWN_KEY}`),
      'Bearer sk-of-the-server-9876543210',
    ]);
    for (const { headers, body } of models.requests) {
      expect(JSON.stringify([{ ...headers, authorization: '' }, body])).not.toMatch(/sk-of-|Bearer/);
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(JSON.stringify(answers)).not.toContain(OWN_KEY);
    await eventually(() => server.output.includes('A turn failed'));
    expect(server.output).not.toContain(OWN_KEY);
    expect(await rowsWith(database, OWN_KEY)).toEqual([]);
  });

  it('P63 P09 killed in mid-turn: the question is kept, the session is free after the lease, and the fact is known', async () => {
    models.reset();
    const context = { session_id: 'killed' };
    await alice.post('/agent/quick', bodyOf('My name is Alice.', context));
    models.script({ hang: true });
    const stream = openStream(alice, server.url, bodyOf('Lost?', context));
    await eventually(() => models.requests.length === 2 && stream.isHeard);
    await server.kill();
    await start();
    const client = alice.at(server.url);
    expectProblem(await client.post('/agent/quick', bodyOf('Early?', context)), 409, 'TURN_IN_PROGRESS');
    await database.pool.query(`UPDATE sessions SET turn_expires_at = now() - interval '1 s' WHERE id = 'killed'`);
    expect((await client.post('/agent/quick', bodyOf("What's my name?", context))).status).toBe(200);
    const contents = models.requests.at(-1)!.body.messages.map(({ content }: any) => content);
    expect(contents).toEqual(['My name is Alice.', 'Hello.', 'Lost?', "What's my name?"]);
    const { body } = await client.get('/sessions/killed/context');
    expect(body.messages.map(({ content }: any) => content)).toEqual([...contents, 'Hello.']);
    await client.post('/agent/quick', bodyOf("What's my name?", { session_id: 'another' }));
    expect(JSON.stringify(models.requests.at(-1)!.body)).not.toContain('Alice');
  });
});

/** Tables that have a row with this text. */
async function rowsWith({ pool }: TestDatabase, text: string): Promise<string[]> {
  const { rows } = await pool.query(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
  const found: string[] = [];
  for (const { name } of rows) {
    const { rowCount } = await pool.query(`SELECT 1 FROM "${name}" t WHERE t::text LIKE $1 LIMIT 1`, [`%${text}%`]);
    if (rowCount) found.push(name);
  }
  return found;
}
