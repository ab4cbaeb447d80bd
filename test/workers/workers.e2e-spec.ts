/** One server of several processes: what they share, and that nobody outside notices. Needs a build. */
import { Agent } from 'undici';
import { freePort } from '../../src/embedded-postgres/connection';
import { Client, expectProblem } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { eventually, follow } from '../support/world/events';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';
import { makeKey } from '../support/world/keys';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { livingWorkersOf, logOf } from '../support/servers/worker-processes';

const WORKERS = 3;
const APPENDS = 200;
/** For many requests at once on few connections. */
const PATIENT = { DB_POOL_TIMEOUT_MS: '60000' };
const LIMIT_MS = 90_000;

jest.setTimeout(300_000);

/** A connection for each request at a time: they go round among the workers. */
const agent = new Agent({ connections: 64 });
afterAll(() => agent.destroy());

describe('Three workers', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let alice: Client;
  let mallory: Client;
  let stranger: Client;
  let admin: Client;

  const as = async (orgId: string, userId: string, role: 'member' | 'admin' = 'member') =>
    new Client(server.url, agent, { authorization: await makeKey(database.pool, orgId, userId, role) });

  /** Processes that have answered requests on a route. */
  const servedBy = (route: string) =>
    new Set(
      logOf(server)
        .filter((line) => line.route === route)
        .map(({ pid }) => pid),
    );

  beforeAll(async () => {
    database = await cloneDatabase();
    server = await startServer({ DATABASE_URL: database.url, WORKERS: `${WORKERS}`, DB_POOL_SIZE: '12', ...PATIENT });
    alice = await as('acme', 'alice');
    mallory = await as('acme', 'mallory');
    stranger = await as('globex', 'alice');
    admin = await as('acme', 'root', 'admin');
  });
  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  it('F57 number 200 messages that come to one thread at once without a gap', async () => {
    const { id } = await alice.createThread('Busy');
    const path = `/threads/${id}/messages`;
    const send = (n: number) => alice.post(path, { role: 'user', content: `${n}` });
    const answers = await Promise.all(Array.from({ length: APPENDS }, (_, n) => send(n)));
    expect(answers.filter(({ status }) => status !== 201)).toEqual([]);
    const seqs = answers.map(({ body }) => body.seq).sort((a, b) => a - b);
    expect(seqs).toEqual(Array.from({ length: APPENDS }, (_, n) => n + 1));
    expect(await threadsWithGaps(database.pool)).toEqual([]);
    expect(await brokenCounters(database.pool)).toEqual([]);
    await eventually(() => servedBy('/api/threads/:id/messages').size === WORKERS, LIMIT_MS);

    for (const client of [mallory, stranger]) {
      const refused = await Promise.all(
        Array.from({ length: 2 * WORKERS }, () => client.post(path, { role: 'user', content: 'x' })),
      );
      for (const answer of refused) expectProblem(answer, 404, 'THREAD_NOT_FOUND');
    }
  });

  it('C58 answer a request that is sent to all of them at once as one: an Idempotency-Key, a message id', async () => {
    const make = () => alice.post('/threads', { name: 'Once' }, { 'idempotency-key': 'workers-1' });
    const made = await Promise.all(Array.from({ length: 30 }, make));
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set([201]));
    const ids = new Set(made.map(({ body }) => body.id));
    expect(ids.size).toBe(1);
    const [threadId] = ids;
    const message = { id: '00000000-0000-4000-8000-000000000001', role: 'user', content: 'Once' };
    const sent = await Promise.all(
      Array.from({ length: 30 }, () => alice.post(`/threads/${threadId}/messages`, message)),
    );
    expect(sent.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(sent.filter(({ status }) => status === 200)).toHaveLength(29);
  });

  it('P64 know at once what another one has written', async () => {
    const { id } = await alice.createThread('Shared');
    for (let n = 1; n <= 4 * WORKERS; n += 1) {
      await alice.addMessage(id, `${n}`);
      const reads = Array.from({ length: 2 * WORKERS }, () => alice.get(`/threads/${id}/messages`));
      expect((await Promise.all(reads)).map(({ body }) => body.total)).toEqual(reads.map(() => n));
    }
  });

  it('N33 tell of an append whoever follows, at whichever of them; a stranger hears nothing', async () => {
    const { id } = await alice.createThread('Followed');
    const path = `/threads/${id}/events`;
    const readers = Array.from({ length: 2 * WORKERS }, () => follow(alice, server.url, path));
    const strangers = [mallory, stranger].map((client) => follow(client, server.url, path));
    await Promise.all(readers.map((reader) => reader.until(() => reader.named('ready').length === 1)));
    for (let n = 0; n < 2 * WORKERS; n += 1) await alice.addMessage(id, `${n}`);
    for (const reader of readers) {
      await reader.until(() => reader.named('appended').length === 2 * WORKERS);
      expect(reader.named('appended').map(({ message }) => message.seq)).toEqual([1, 2, 3, 4, 5, 6]);
      reader.leave();
    }
    for (const connection of strangers) {
      await eventually(() => connection.closed, LIMIT_MS);
      expect(connection.status).toBe(404);
    }
  });

  it('forget a revoked key, all of them', async () => {
    const { body: key } = await admin.post('/keys', { name: 'short', role: 'member', user_id: 'bob' });
    const bob = new Client(server.url, agent, { authorization: `Bearer ${key.key}` });
    const statuses = async () =>
      new Set((await Promise.all(Array.from({ length: 20 }, () => bob.get('/threads')))).map(({ status }) => status));
    expect(await statuses()).toEqual(new Set([200]));
    expect((await admin.delete(`/keys/${key.id}`)).status).toBeLessThan(300);
    await eventually(async () => !(await statuses()).has(200), LIMIT_MS);
    expect(await statuses()).toEqual(new Set([401]));
  });

  it('count together in /metrics, and go on counting from there when one is killed', async () => {
    const bob = await as('acme', 'bob');
    const valueOf = async (name: string) => {
      const { status, text } = await admin.get('//metrics');
      expect(status).toBe(200);
      const line = text.split('\n').find((one) => one.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length + 1));
    };
    const counted = 'http_requests_total{method="GET",route="/api/memories",status="200"}';
    const timed = 'http_request_duration_seconds_count{method="GET",route="/api/memories"}';
    await Promise.all(Array.from({ length: 60 }, () => bob.get('/memories')));
    // A request is counted behind its answer.
    await eventually(async () => (await valueOf(counted)) === 60, LIMIT_MS);
    expect(servedBy('/api/memories').size).toBe(WORKERS);
    expect(await valueOf(timed)).toBe(60);
    expect(await valueOf('server_processes')).toBe(WORKERS);
    expect(await valueOf('pg_pool_connections')).toBeGreaterThanOrEqual(WORKERS);
    const text = (await admin.get('//metrics')).text;
    expect(text.match(/^# TYPE http_requests_total /gm)).toHaveLength(1);
    expect(text).not.toMatch(/ (null|undefined)$/m);

    const [first] = livingWorkersOf(server);
    process.kill(first, 'SIGKILL');
    await eventually(async () => {
      const processes = await valueOf('server_processes').catch(() => 0);
      return processes === WORKERS && !livingWorkersOf(server).includes(first);
    }, LIMIT_MS);
    expect(await valueOf(counted)).toBe(60);
    await Promise.all(Array.from({ length: 12 }, () => bob.get('/memories')));
    await eventually(async () => (await valueOf(counted)) === 72, LIMIT_MS);
    expectProblem(await alice.get('//metrics'), 403);
  });

  it('refuse a second start on their port, which changes nothing for them', async () => {
    const { port } = new URL(server.url);
    const again = startServer({ DATABASE_URL: database.url, WORKERS: '2', PORT: port });
    await expect(again).rejects.toThrow(`PORT ${port} of 127.0.0.1 is in use`);
    expect((await alice.get('/health/ready')).status).toBe(200);
  });
});

describe('What the workers of an instance share', () => {
  let database: TestDatabase;
  beforeEach(async () => (database = await cloneDatabase()));
  afterEach(() => database.drop());

  it('F53 F58 the connections: never more than DB_POOL_SIZE + DB_MAX_OVERFLOW, whatever comes', async () => {
    const url = `${database.url}?application_name=counted`;
    const sizes = { DB_POOL_SIZE: '4', DB_MAX_OVERFLOW: '5', ...PATIENT };
    const server = await startServer({ DATABASE_URL: url, WORKERS: `${WORKERS}`, ...sizes });
    try {
      const authorization = await makeKey(database.pool, 'acme', 'alice', 'admin');
      const alice = new Client(server.url, agent, { authorization });
      const { id } = await alice.createThread();
      let most = 0;
      let done = false;
      const watching = (async () => {
        while (!done) {
          const { rows } = await database.pool.query(
            `SELECT count(*)::int AS open FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'counted'`,
          );
          most = Math.max(most, rows[0].open);
        }
      })();
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          n % 2 ? alice.get('/admin/stats') : alice.post(`/threads/${id}/messages`, { role: 'user', content: `${n}` }),
        ),
      );
      done = true;
      await watching;
      expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
      expect(most).toBeGreaterThan(WORKERS);
      expect(most).toBeLessThanOrEqual(9);
      expect((await alice.get('/admin/config')).body).toMatchObject({ WORKERS, DB_POOL_SIZE: 4, DB_MAX_OVERFLOW: 5 });
    } finally {
      await server.stop();
    }
  });

  it('N28 a warning names the variable when PostgreSQL has not that many connections', async () => {
    const server = await startServer({ DATABASE_URL: database.url, WORKERS: '2', DB_POOL_SIZE: '500' });
    // The database of the tests is not durable, which is another warning.
    const warnings = logOf(server).filter(({ level, msg }) => level === 'warn' && !msg?.includes('fsync'));
    expect(warnings).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('lower DB_POOL_SIZE + DB_MAX_OVERFLOW') }),
    ]);
    expect(await server.stop()).toBe(0);
  });

  it('the port of their metrics', async () => {
    const port = await freePort();
    const server = await startServer({ DATABASE_URL: database.url, WORKERS: '2', METRICS_PORT: `${port}` });
    try {
      await eventually(async () => {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        return text.includes('\nserver_processes 2\n');
      }, LIMIT_MS);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });

  it('X04 the schedule: what has expired is removed once', async () => {
    const server = await startServer({
      DATABASE_URL: database.url,
      WORKERS: `${WORKERS}`,
      CLEANUP_ENABLED: 'true',
      CLEANUP_CRON: '* * * * * *',
    });
    try {
      const keys = 2500;
      await makeKey(database.pool, 'acme', 'alice', 'member');
      await database.pool.query(
        `INSERT INTO idempotency_keys (org_id, user_id, key, request_hash, created_at)
         SELECT 'acme', 'alice', n::text, '\\x00', now() - interval '25 h' FROM generate_series(1, $1) n`,
        [keys],
      );
      const ticks = () => logOf(server).filter(({ msg }) => msg === 'Removed what had expired');
      const removed = () => ticks().reduce((sum, tick) => sum + Number(tick.idempotency_keys), 0);
      await eventually(() => removed() >= keys, LIMIT_MS);
      await eventually(() => new Set(ticks().map(({ pid }) => pid)).size === WORKERS, LIMIT_MS);
      expect(removed()).toBe(keys);
      const { rows } = await database.pool.query('SELECT count(*) FROM idempotency_keys');
      expect(rows).toEqual([{ count: 0 }]);
      expect(logOf(server).filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});
