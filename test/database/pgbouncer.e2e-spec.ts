/** The server behind a real PgBouncer in transaction mode, with fewer connections than the server takes. Needs a build. */
import { Agent } from 'undici';
import { Client, expectProblem } from '../support/world/client';
import { cloneDatabase, emptyDatabase, type TestDatabase } from '../support/world/database';
import { eventually, follow } from '../support/world/events';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';
import { makeKey } from '../support/world/keys';
import { expectWhole, Load, WRITERS } from '../support/world/load';
import { isAtLeast, PgBouncerProcess, pgBouncerVersion } from '../support/servers/pgbouncer-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { logOf } from '../support/servers/worker-processes';

const LIMIT_MS = 90_000;
/** For many requests at once on few connections. */
const PATIENT = { DB_POOL_TIMEOUT_MS: '60000' };
const APPENDS = 50;
/** Connections of the pooler; the server below opens up to 15, several to each. */
const POOL = { default_pool_size: '5', reserve_pool_size: '0' };

jest.setTimeout(300_000);

const version = pgBouncerVersion();
if (version === undefined) console.warn('PgBouncer is not installed: its tests are skipped (Debian: pgbouncer)');
const describeWithIt = version === undefined ? describe.skip : describe;
/** From here on it knows prepared statements in transaction mode. */
const describeFrom121 = isAtLeast(version, 1, 21) ? describe : describe.skip;

interface Setting {
  title: string;
  env: Record<string, string>;
  pool?: Record<string, string>;
  /** Statements that PostgreSQL has prepared under names. */
  prepares: boolean;
}

const whole: Setting[] = [
  { title: 'found by the server itself', env: {}, prepares: false },
  {
    title: 'with DB_PREPARED_STATEMENTS=false and workers',
    env: { DB_PREPARED_STATEMENTS: 'false', WORKERS: '2' },
    prepares: false,
  },
];
const newer: Setting[] = [
  {
    title: 'with max_prepared_statements and DB_PREPARED_STATEMENTS=true',
    env: { DB_PREPARED_STATEMENTS: 'true' },
    pool: { max_prepared_statements: '200' },
    prepares: true,
  },
];

describeWithIt.each(whole)(`PgBouncer ${version} in transaction mode, $title`, behind);
describeFrom121.each(newer)(`PgBouncer ${version} in transaction mode, $title`, behind);

describeWithIt(`PgBouncer ${version} with one connection`, () => {
  it('F59 three servers that start at once on an empty database migrate it once, and serve', async () => {
    const database = await emptyDatabase();
    const bouncer = await PgBouncerProcess.create(database.url, { default_pool_size: '1' });
    const starts = await Promise.allSettled([1, 2, 3].map(() => startServer({ DATABASE_URL: bouncer.url })));
    const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const failures = starts.flatMap((start) => (start.status === 'rejected' ? [String(start.reason)] : []));
    try {
      expect(failures).toEqual([]);
      const migrations = servers.flatMap((server) => logOf(server).filter((line) => line.migrations));
      expect(await Promise.all(servers.map((server) => server.stop()))).toEqual([0, 0, 0]);
      expect(migrations).toHaveLength(1);
    } finally {
      await Promise.all(servers.map((server) => server.kill()));
      await bouncer.remove();
      await database.drop();
    }
  });
});

describeWithIt(`PgBouncer ${version} that is killed`, () => {
  const agent = new Agent({ connections: WRITERS });
  afterAll(() => agent.destroy());

  it('S44 P08 under load, twice: 503 while it is away, and nothing that was acknowledged is lost', async () => {
    const database = await cloneDatabase();
    const bouncer = await PgBouncerProcess.create(database.url, POOL);
    const server = await startServer({ DATABASE_URL: bouncer.url, ...PATIENT });
    const authorization = await makeKey(database.pool, 'acme', 'alice', 'member');
    const alice = new Client(server.url, agent, { authorization });
    const threads = await Promise.all(
      Array.from({ length: 10 }, async () => (await alice.createThread()).id as string),
    );
    const load = new Load(alice, threads);
    try {
      for (let kill = 0; kill < 2; kill += 1) {
        const before = load.acknowledged.length;
        await eventually(() => load.acknowledged.length > before + 50, LIMIT_MS);
        await bouncer.kill();
        expectProblem(await alice.get('/health/ready'), 503, 'STORE_UNAVAILABLE');
        await bouncer.start();
        await server.ready();
      }
      await load.stop();
      await expectWhole(alice, database.pool, load);
      expect(await server.stop()).toBe(0);
    } finally {
      load.abandon();
      await server.kill();
      await bouncer.remove();
      await database.drop();
    }
  });
});

function behind({ env, pool, prepares }: Setting): void {
  const agent = new Agent({ connections: 64 });
  let database: TestDatabase;
  let bouncer: PgBouncerProcess;
  let server: ServerProcess;

  const as = async (orgId: string, userId: string, role: 'member' | 'admin' = 'member') =>
    new Client(server.url, agent, { authorization: await makeKey(database.pool, orgId, userId, role) });
  const all = <T>(count: number, work: (n: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, n) => work(n)));
  const statusesOf = (answers: { status: number }[]) => [...new Set(answers.map(({ status }) => status))];

  beforeAll(async () => {
    // Without a schema: migrations go through the pooler as well.
    database = await emptyDatabase();
    bouncer = await PgBouncerProcess.create(database.url, { ...POOL, ...pool });
    server = await startServer({
      DATABASE_URL: bouncer.url,
      CLEANUP_ENABLED: 'true',
      CLEANUP_CRON: '* * * * * *',
      ...PATIENT,
      ...env,
    });
  });
  afterAll(async () => {
    await server?.stop();
    await bouncer?.remove();
    await agent.destroy();
    await database?.drop();
  });
  afterEach(() => {
    const failures = logOf(server).filter(({ level }) => level === 'error' || level === 'fatal');
    expect(failures).toEqual([]);
  });

  it(`F57 ${APPENDS} appends at once to one thread leave no gap; strangers do not find it`, async () => {
    const [alice, mallory, stranger] = [
      await as('acme', 'alice'),
      await as('acme', 'mallory'),
      await as('globex', 'alice'),
    ];
    const { id } = await alice.createThread('Busy');
    const path = `/threads/${id}/messages`;
    const answers = await all(APPENDS, (n) => alice.post(path, { role: 'user', content: `${n}` }));
    expect(statusesOf(answers)).toEqual([201]);
    expect(answers.map(({ body }) => body.seq).sort((a, b) => a - b)).toEqual(
      Array.from({ length: APPENDS }, (_, n) => n + 1),
    );
    const read = await alice.get(path, { query: { last: 20 } });
    expect(read.body.data).toHaveLength(20);
    expect(await threadsWithGaps(database.pool)).toEqual([]);
    expect(await brokenCounters(database.pool)).toEqual([]);
    for (const client of [mallory, stranger]) {
      expectProblem(await client.get(path), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.post(path, { role: 'user', content: 'x' }), 404, 'THREAD_NOT_FOUND');
    }
  });

  it('two organizations at once on the same connections never meet', async () => {
    const organizations = ['acme', 'globex'];
    const clients = await Promise.all(organizations.map((orgId) => as(orgId, 'bob', 'admin')));
    await all(60, async (n) => {
      const [orgId, client] = [organizations[n % 2], clients[n % 2]];
      const { id } = await client.createThread(`${orgId} ${n}`);
      await client.addMessage(id, `of ${orgId}`);
      expect((await client.get(`/threads/${id}/messages`)).body.data).toMatchObject([
        { content: { text: `of ${orgId}` } },
      ]);
      expect((await clients[(n + 1) % 2].get(`/threads/${id}`)).status).toBe(404);
    });
    for (const [n, client] of clients.entries()) {
      const names = (await client.all('/threads', { limit: 50 })).map(({ name }) => name as string);
      expect(names.filter((name) => name.startsWith(organizations[n]))).toHaveLength(30);
      expect(names.filter((name) => name.startsWith(organizations[1 - n]))).toEqual([]);
    }
  });

  it('sessions, their context, memory and search', async () => {
    const [alice, stranger] = [await as('acme', 'carol'), await as('globex', 'carol')];
    const path = '/sessions/trip';
    const sent = await all(20, (n) => alice.post(`${path}/messages`, { role: 'user', content: `Cherry blossom ${n}` }));
    expect(statusesOf(sent)).toEqual([201]);
    const context = await alice.get(`${path}/context`, {
      query: { token_budget: 2000, question: 'When do they bloom?' },
    });
    expect(context.status).toBe(200);
    expect((await alice.get(path)).body.message_count).toBe(20);
    expect((await alice.get('/messages/search', { query: { q: 'cherries' } })).body.data.length).toBeGreaterThan(0);
    const saved = await all(20, (n) => alice.put(`/memory/key${n}`, { value: { n } }));
    expect(saved.filter(({ status }) => status >= 300)).toEqual([]);
    expect((await alice.get('/memories', { query: { limit: 100 } })).body.data).toHaveLength(20);
    expect((await stranger.get(path)).status).toBe(404);
    expect((await stranger.get('/memories')).body.data).toEqual([]);
    expect((await stranger.get('/messages/search', { query: { q: 'cherries' } })).body.data).toEqual([]);
  });

  it('one Idempotency-Key, one message id, one version: each decides once', async () => {
    const alice = await as('acme', 'dave');
    const made = await all(20, () => alice.post('/threads', { name: 'Once' }, { 'idempotency-key': 'once' }));
    expect(statusesOf(made)).toEqual([201]);
    const ids = [...new Set(made.map(({ body }) => body.id as string))];
    expect(ids).toHaveLength(1);
    const message = { id: '00000000-0000-4000-8000-000000000002', role: 'user', content: 'Once' };
    const sent = await all(20, () => alice.post(`/threads/${ids[0]}/messages`, message));
    expect(sent.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(sent.filter(({ status }) => status === 200)).toHaveLength(19);
    const { headers } = await alice.get(`/threads/${ids[0]}`);
    const match = { 'if-match': String(headers.etag) };
    const renamed = await all(10, (n) =>
      alice.send('PATCH', `/threads/${ids[0]}`, { body: { name: `${n}` }, headers: match }),
    );
    expect(renamed.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(renamed.filter(({ status }) => status === 412)).toHaveLength(9);
  });

  it('N33 live events come, and only to those who may see them', async () => {
    const [alice, mallory] = [await as('acme', 'erin'), await as('acme', 'mallory')];
    const { id } = await alice.createThread('Followed');
    const readers = Array.from({ length: 3 }, () => follow(alice, server.url, `/threads/${id}/events`));
    const uninvited = follow(mallory, server.url, `/threads/${id}/events`);
    await Promise.all(readers.map((reader) => reader.until(() => reader.named('ready').length === 1)));
    for (let n = 0; n < 10; n += 1) await alice.addMessage(id, `${n}`);
    for (const reader of readers) {
      await reader.until(() => reader.named('appended').length === 10);
      reader.leave();
    }
    await eventually(() => uninvited.closed, LIMIT_MS);
    expect(uninvited.status).toBe(404);
  });

  it('X04 C58 the scheduled cleanup, by one at a time; and an erasure', async () => {
    await as('acme', 'frank');
    await database.pool.query(
      `INSERT INTO idempotency_keys (org_id, user_id, key, request_hash, created_at)
       SELECT 'acme', 'frank', n::text, '\\x00', now() - interval '25 h' FROM generate_series(1, 1500) n`,
    );
    const removed = () =>
      logOf(server)
        .filter(({ msg }) => msg === 'Removed what had expired')
        .reduce((sum, tick) => sum + Number(tick.idempotency_keys), 0);
    await eventually(() => removed() >= 1500, LIMIT_MS);
    expect(removed()).toBe(1500);

    const [grace, root] = [await as('acme', 'grace'), await as('acme', 'root', 'admin')];
    await grace.addMessage((await grace.createThread('Mine')).id);
    const started = await root.post('/erasures', { user_id: 'grace' });
    expect([200, 201, 202]).toContain(started.status);
    const left = () => database.pool.query(`SELECT FROM threads WHERE org_id = 'acme' AND user_id = 'grace'`);
    await eventually(async () => (await left()).rowCount === 0, LIMIT_MS);
  });

  it('an export and an import', async () => {
    const [heidi, ivan] = [await as('acme', 'heidi'), await as('acme', 'ivan')];
    const { id } = await heidi.createThread('Long');
    await heidi.addMessages(
      id,
      Array.from({ length: 300 }, (_, n) => ({ role: 'user', content: `${n}` })),
    );
    const { text } = await heidi.get('/threads/export', { query: { format: 'ndjson' } });
    const options = { raw: text, headers: { 'content-type': 'application/x-ndjson' } };
    expect((await ivan.send('POST', '/threads/import', options)).body).toMatchObject({ imported: 1 });
    expect((await ivan.all('/threads')).map(({ message_count }) => message_count)).toEqual([300]);
  });

  it('no more connections reach PostgreSQL than the pooler has, and the statements are as they are meant to be', async () => {
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'throughline'`,
    );
    expect(rows[0].count).toBeLessThanOrEqual(Number(POOL.default_pool_size));
    const { rows: prepared } = await (async () => {
      const pooled = new (await import('pg')).Client({ connectionString: bouncer.url });
      await pooled.connect();
      return pooled.query(`SELECT count(*)::int AS count FROM pg_prepared_statements`).finally(() => pooled.end());
    })();
    if (prepares) expect(prepared[0].count).toBeGreaterThan(0);
    else expect(prepared[0].count).toBe(0);
  });
}
