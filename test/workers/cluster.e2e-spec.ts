import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { makeKey } from '../support/world/keys';
import { PostgresProcess } from '../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';

jest.setTimeout(300_000);

const INSTANCES = 4;
const ORGANIZATIONS = ['acme', 'globex', 'initech'];

interface Removed {
  idempotency_keys: number;
  expired_sessions: number;
}

/** Every scheduled cleanup that a server has logged, with what it removed. */
const ticksOf = ({ output }: ServerProcess): Removed[] =>
  output
    .split('\n')
    .filter((line) => line.includes('"Removed what had expired"'))
    .map((line) => JSON.parse(line) as Removed);

const totalOf = (all: Removed[]): Removed => ({
  idempotency_keys: all.reduce((sum, { idempotency_keys }) => sum + idempotency_keys, 0),
  expired_sessions: all.reduce((sum, { expired_sessions }) => sum + expired_sessions, 0),
});

/** Scheduled cleanups that failed. */
const failuresOf = ({ output }: ServerProcess) =>
  output.split('\n').filter((line) => line.includes('"Cleanup"') && line.includes('"level":"error"')).length;

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within a minute: ${what}`);
    await sleep(20);
  }
}

/** Expired sessions, each with a message, and expired idempotency keys, in every organization. */
async function insertExpired(db: Pool, sessions: number, keys: number): Promise<void> {
  await db.query(
    `WITH made AS (
       INSERT INTO threads (org_id, id, user_id, name, session_id, lifetime_ms, expires_at, updated_at, last_seq, message_count)
       SELECT org_id, gen_random_uuid(), 'alice', 'x', 'x', 1000, now() - interval '1 h', now() - interval '1 h', 1, 1
       FROM unnest($1::text[]) org_id, generate_series(1, $2) RETURNING org_id, id
     ), named AS (
       INSERT INTO sessions (org_id, user_id, id, thread_id) SELECT org_id, 'alice', id::text, id FROM made
     )
     INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at)
     SELECT org_id, id, 1, gen_random_uuid(), 'user', '{"type":"text","text":"x"}', now(), now() FROM made`,
    [ORGANIZATIONS, sessions],
  );
  await db.query(
    `INSERT INTO idempotency_keys (org_id, user_id, key, request_hash, created_at)
     SELECT org_id, 'alice', gen_random_uuid()::text, '\\x00', now() - interval '25 h'
     FROM unnest($1::text[]) org_id, generate_series(1, $2)`,
    [ORGANIZATIONS, keys],
  );
}

const countExpired = async (db: Pool): Promise<Removed> => {
  const { rows } = await db.query<Removed>(`
    SELECT (SELECT count(*)::int FROM threads WHERE expires_at < now()) AS expired_sessions,
      (SELECT count(*)::int FROM idempotency_keys WHERE created_at < now() - interval '24 h') AS idempotency_keys`);
  return rows[0];
};

describe('A cluster', () => {
  const servers: ServerProcess[] = [];
  const agent = new Agent();
  let database: TestDatabase;
  let authorization: string;

  beforeEach(async () => {
    database = await cloneDatabase();
    authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
    await prepare(database.pool);
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
    await database.drop();
  });
  afterAll(() => agent.destroy());

  /** Organizations, each with a live session's thread and a plain one, which no cleanup may take. */
  const prepare = async (db: Pool) => {
    await db.query('INSERT INTO organizations (id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [ORGANIZATIONS]);
    await db.query(`INSERT INTO users (org_id, id) SELECT unnest($1::text[]), 'alice'`, [ORGANIZATIONS]);
    await db.query(
      `INSERT INTO threads (org_id, id, user_id, name, expires_at)
       SELECT org_id, gen_random_uuid(), 'alice', 'kept', expires_at
       FROM unnest($1::text[]) org_id, (VALUES (NULL), (now() + interval '1 day')) lives (expires_at)`,
      [ORGANIZATIONS],
    );
  };

  const start = async (url: string, env: Record<string, string> = {}) => {
    const server = await startServer({
      DATABASE_URL: url,
      CLEANUP_ENABLED: 'true',
      CLEANUP_CRON: '* * * * * *',
      // What expires is gone at once, and not first in the trash.
      TRASH_RETENTION_DAYS: '0',
      DB_POOL_SIZE: '3',
      ...env,
    });
    servers.push(server);
    return server;
  };

  const clean = async ({ url }: ServerProcess): Promise<Removed> => {
    const { status, body } = await new Client(url, agent, { authorization }).post('/admin/cleanup');
    expect(status).toBe(200);
    return body;
  };

  it('X04 C58 four server processes, one database: 100 cleanup ticks do their work once', async () => {
    const { pool } = database;
    await Promise.all(Array.from({ length: INSTANCES }, () => start(database.url)));
    const inserted = { idempotency_keys: 0, expired_sessions: 0 };
    const answers: Removed[] = [];
    const ticks = () => [...servers.flatMap(ticksOf), ...answers];
    while (ticks().length < 100) {
      await insertExpired(pool, 40, 30);
      inserted.expired_sessions += 40 * ORGANIZATIONS.length;
      inserted.idempotency_keys += 30 * ORGANIZATIONS.length;
      // Beside the schedules of all four, which tick at the same moment.
      answers.push(...(await Promise.all(servers.map(clean))));
      await sleep(100);
    }
    await until(async () => Object.values(await countExpired(pool)).every((left) => left === 0), 'nothing is left');
    const seen = ticks().length;
    await until(() => ticks().length >= seen + 2 * INSTANCES, 'the schedules went on');
    expect(totalOf(ticks())).toEqual(inserted);
    expect(await countExpired(pool)).toEqual({ idempotency_keys: 0, expired_sessions: 0 });
    for (const server of servers) expect(ticksOf(server).length).toBeGreaterThan(0);
    const { rows } = await pool.query('SELECT name FROM threads');
    expect(rows).toEqual(Array(2 * ORGANIZATIONS.length).fill({ name: 'kept' }));
    expect(servers.flatMap(({ output }) => /.*"level":"(error|fatal)".*/.exec(output) ?? [])).toEqual([]);
  });

  it('C58 the leader is killed (-9), another takes over', async () => {
    const { pool } = database;
    await insertExpired(pool, 120, 0);
    const blocker = await pool.connect();
    try {
      // A message that goes with its session: the batch stands still in the middle, with the lock of all cleanups.
      await blocker.query('BEGIN');
      await blocker.query(`SELECT FROM messages ORDER BY org_id DESC LIMIT 1 FOR UPDATE`);
      const env = { DB_STATEMENT_TIMEOUT_MS: '120000' };
      const urls = Array.from({ length: INSTANCES }, (_, index) => `${database.url}?application_name=server${index}`);
      const cluster = await Promise.all(urls.map((url) => start(url, env)));
      const leaders = async () => {
        const { rows } = await pool.query<{ index: number }>(`
          SELECT right(a.application_name, 1)::int AS index FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND a.wait_event_type = 'Lock'`);
        return rows.map(({ index }) => cluster[index]);
      };
      await until(async () => (await leaders()).length === 1, 'a cleanup is stuck in its batch');
      const [leader] = await leaders();
      const others = cluster.filter((server) => server !== leader);

      const remaining = (await countExpired(pool)).expired_sessions;
      expect(remaining).toBeGreaterThan(0);
      // The others see that the work is taken: they tick on, and remove nothing.
      const before = totalOf(others.flatMap(ticksOf));
      const ticks = others.map((server) => ticksOf(server).length);
      await until(() => others.every((server, i) => ticksOf(server).length >= ticks[i] + 2), 'the others tick on');
      expect(totalOf(others.flatMap(ticksOf))).toEqual(before);

      await leader.kill();
      expect(leader.process.signalCode).toBe('SIGKILL');
      expect((await countExpired(pool)).expired_sessions).toBe(remaining);
      await blocker.query('COMMIT');
      await until(async () => (await countExpired(pool)).expired_sessions === 0, 'another one did the rest');
      const done = () => totalOf(others.flatMap(ticksOf)).expired_sessions - before.expired_sessions;
      await until(() => done() >= remaining, 'the others have logged it');
      // What the leader had not committed is theirs, each session once.
      expect(done()).toBe(remaining);
    } finally {
      await blocker.query('ROLLBACK').catch(() => undefined);
      blocker.release();
    }
  });

  it('X04 the schedule outlives an outage of the database', async () => {
    const postgres = await PostgresProcess.create();
    const db = new Pool({ connectionString: postgres.url, max: 2 });
    db.on('error', () => undefined);
    try {
      const server = await start(postgres.url);
      await prepare(db);
      await insertExpired(db, 5, 5);
      await until(() => totalOf(ticksOf(server)).expired_sessions === 15, 'the schedule works');
      await postgres.kill();
      await until(() => failuresOf(server) > 0, 'a cleanup failed');
      await postgres.start();
      await server.ready();
      await insertExpired(db, 5, 5);
      await until(() => totalOf(ticksOf(server)).expired_sessions === 30, 'the schedule works again');
      expect(server.process.exitCode).toBeNull();
    } finally {
      await db.end();
      await postgres.remove();
    }
  });
});
