/** Sessions when the server or the database dies. Needs a build. */
import { SignJWT } from 'jose';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { Client, expectProblem } from '../support/world/client';
import { cloneDatabase } from '../support/world/database';
import { brokenCounters } from '../support/world/integrity';
import { makeKey } from '../support/world/keys';
import { eventually } from '../support/world/events';
import { PostgresProcess } from '../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const agent = new Agent();
const JWT = {
  JWT_SECRET: 'a shared secret of more than 32 characters',
  JWT_ISSUER: 'https://id.example',
  JWT_AUDIENCE: 'throughline',
};
const SECRET = 'words that no log may hold';

afterAll(() => agent.destroy());

const clientOf = async (server: ServerProcess, db: Pool) =>
  new Client(server.url, agent, { authorization: await makeKey(db, 'acme', 'alice', 'member') });
/** Unlike an API key's, its truth is known without a database, however late a request comes. */
const signToken = () =>
  new SignJWT({ org_id: 'acme', sub: 'alice', iss: JWT.JWT_ISSUER, aud: JWT.JWT_AUDIENCE })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT.JWT_SECRET));
const say = (client: Client, content: string) =>
  client.post('/sessions/user:7:conv:1/messages', { role: 'user', content });

it('P08 N29 U64 a message that was answered with 201 is there after kill -9 and a restart', async () => {
  const database = await cloneDatabase();
  let server = await startServer({ DATABASE_URL: database.url });
  try {
    let alice = await clientOf(server, database.pool);
    await alice.post('/sessions', {
      session_id: 'user:7:conv:1',
      metadata: { a: [1] },
      variables: { df: 'DataFrame' },
    });
    for (let n = 0; n < 3; n += 1) {
      expect((await say(alice, `message ${n}`)).status).toBe(201);
      await server.kill();
      server = await startServer({ DATABASE_URL: database.url });
      alice = await clientOf(server, database.pool);
      const { body } = await alice.get('/sessions/user:7:conv:1/history');
      expect(body.history.at(-1)).toEqual({ role: 'user', content: `message ${n}` });
      expect(body.turn_count).toBe(n + 1);
    }
    expect((await alice.get('/sessions/user:7:conv:1')).body).toMatchObject({
      ...{ metadata: { a: [1] }, variables: ['df'], message_count: 3 },
    });
  } finally {
    await server.kill();
    await database.drop();
  }
});

describe('without its database', () => {
  let postgres: PostgresProcess;
  let server: ServerProcess;
  let db: Pool;
  let alice: Client;

  beforeAll(async () => {
    postgres = await PostgresProcess.create();
    db = new Pool({ connectionString: postgres.url, max: 2 });
    db.on('error', () => undefined);
    server = await startServer({ DATABASE_URL: postgres.url, ...JWT });
    alice = new Client(server.url, agent, { authorization: `Bearer ${await signToken()}` });
    await say(alice, 'before');
  });
  afterAll(async () => {
    await server?.kill();
    await db?.end();
    await postgres?.remove();
  });

  it('P38 P39 P49 C33 every route says 503 in the end; the log names the session, and not what was said', async () => {
    await postgres.kill();
    const before = server.output.length;
    for (const path of ['', '/messages', '/history', '/metadata', '/variables']) {
      const answer = await alice.get(`/sessions/user:7:conv:1${path}`);
      expectProblem(answer, 503, 'STORE_UNAVAILABLE');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expectProblem(await alice.get('/sessions'), 503, 'STORE_UNAVAILABLE');
    expectProblem(await alice.get('/sessions/never-seen'), 503, 'STORE_UNAVAILABLE');
    const since = Date.now();
    const failed = await say(alice, SECRET);
    expectProblem(failed, 503, 'STORE_UNAVAILABLE');
    // Three attempts, with 1 s and 2 s between them.
    expect(Date.now() - since).toBeGreaterThan(2900);
    const lines = () =>
      server.output
        .slice(before)
        .split('\n')
        .filter((line) => line.includes(failed.body.request_id) && line.includes('user:7:conv:1'));
    // The line follows the answer.
    await eventually(() => lines().length > 0);
    expect(lines()).toHaveLength(1);
    expect(server.output).not.toContain(SECRET);
    await postgres.start();
    await server.ready();
    expect((await say(alice, 'after')).status).toBe(201);
    expect((await alice.get('/sessions/user:7:conv:1/history')).body.turn_count).toBe(2);
  });

  it('P39 C43 writes succeed, once, when it is away for a moment only', async () => {
    const count = async () => (await alice.get('/sessions/user:7:conv:1')).body.message_count;
    const messages = await count();
    // A fast shutdown and a start take less than the attempts of one write.
    await postgres.stop();
    const writes = [
      say(alice, 'one'),
      alice.post('/sessions/new-one/messages', { role: 'user', content: 'first' }),
      alice.patch('/sessions/user:7:conv:1/variables', { during: 1 }),
      alice.post('/sessions', { session_id: 'opened', metadata: { a: 1 } }),
    ];
    await postgres.start();
    const answers = await Promise.all(writes);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 200, 201]);
    expect(await count()).toBe(messages + 1);
    expect((await alice.get('/sessions/new-one')).body.message_count).toBe(1);
    expect((await alice.get('/sessions/user:7:conv:1/variables')).body).toEqual({ during: 1 });
    expect((await alice.get('/sessions/opened')).body.metadata).toEqual({ a: 1 });
    expect(await brokenCounters(db)).toEqual([]);
  });
});
