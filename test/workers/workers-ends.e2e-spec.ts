/** How a server of several processes ends, as a whole and in parts. Needs a build. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { freePort } from '../../src/embedded-postgres/connection';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { eventually } from '../support/world/events';
import { makeKey } from '../support/world/keys';
import { expectWhole, Load, WRITERS } from '../support/world/load';
import { PostgresProcess } from '../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { isAlive, livingWorkersOf, logOf, workersOf } from '../support/servers/worker-processes';

const LIMIT_MS = 90_000;
const KILLS = process.env.SOAK === '1' ? 3 : 1;

jest.setTimeout(300_000);

/** Threads that nobody but this file's writers writes to. */
const createThreads = (client: Client) =>
  Promise.all(Array.from({ length: 10 }, async (_, n) => (await client.createThread(`${n}`)).id as string));

describe('A server of several processes', () => {
  const agent = new Agent({ connections: WRITERS });
  const servers: ServerProcess[] = [];
  let database: TestDatabase;
  let authorization: string;
  let load: Load | undefined;

  const start = async (env: Record<string, string> = {}, cwd?: string) => {
    const server = await startServer({ DATABASE_URL: database.url, WORKERS: '2', ...env }, cwd);
    servers.push(server);
    return server;
  };
  const adminOf = ({ url }: ServerProcess) => new Client(url, agent, { authorization });
  const gone = (pids: number[]) => eventually(() => !pids.some(isAlive), LIMIT_MS);

  /** Holds back what makes a key, until it is let go. */
  const holdKeys = async () => {
    const lock = await database.pool.connect();
    await lock.query('BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE');
    return async () => {
      await lock.query('ROLLBACK');
      lock.release();
    };
  };
  const makeAnother = (admin: Client) => admin.post('/keys', { name: 'late', role: 'member', user_id: 'bob' });
  const waitsForLock = () =>
    eventually(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    }, LIMIT_MS);

  beforeEach(async () => {
    database = await cloneDatabase();
    authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
  });
  afterEach(async () => {
    load?.abandon();
    load = undefined;
    const workers = servers.flatMap(workersOf);
    await Promise.all(servers.splice(0).map((server) => server.kill()));
    await gone(workers);
    await database.drop();
  });
  afterAll(() => agent.destroy());

  it(`S44 P08 kill -9 of a worker under load, times ${KILLS}: another takes its place, and nothing is lost`, async () => {
    const server = await start({ WORKERS: '3', DB_POOL_TIMEOUT_MS: '60000' });
    const client = adminOf(server);
    load = new Load(client, await createThreads(client));
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const [victim] = livingWorkersOf(server);
      const before = load.acknowledged.length;
      process.kill(victim, 'SIGKILL');
      // The others go on meanwhile.
      await eventually(() => load!.acknowledged.length > before + 20, LIMIT_MS);
      await eventually(() => livingWorkersOf(server).length === 3 && !isAlive(victim), LIMIT_MS);
      expect(server.process.exitCode).toBeNull();
    }
    await load.stop();
    await expectWhole(client, database.pool, load);
    expect(logOf(server).filter(({ msg }) => msg?.startsWith('A worker ended'))).toHaveLength(KILLS);
    expect(logOf(server).filter(({ msg }) => msg?.startsWith('Throughline is ready'))).toHaveLength(1);
    expect(await server.stop()).toBe(0);
  });

  it('X10 SIGTERM: all finish what is under way, then the embedded PostgreSQL stops; nothing is left', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-workers-'));
    try {
      const env = { DATABASE_URL: '', DATA_DIR: join(folder, 'data'), NODE_ENV: 'development' };
      const server = await start(env, folder);
      const postgres = Number(/PostgreSQL \(process (\d+)\)/.exec(server.output)?.[1]);
      const pids = [...workersOf(server), postgres];
      expect(pids.filter(isAlive)).toHaveLength(3);
      expect((await new Client(server.url, agent).post('/threads', { name: 'A' })).status).toBe(201);
      expect(await server.stop()).toBe(0);
      expect(pids.filter(isAlive)).toEqual([]);
      await expect(fetch(`${server.url}/api/health/live`)).rejects.toThrow();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('X10 SIGTERM: a request under way is answered', async () => {
    const server = await start({ SHUTDOWN_GRACE_MS: '600000' });
    const admin = adminOf(server);
    await admin.get('/keys');
    const letGo = await holdKeys();
    const running = makeAnother(admin);
    await waitsForLock();
    const ended = server.stop();
    await eventually(() => logOf(server).filter(({ msg }) => msg === 'Shutting down').length === 3, LIMIT_MS);
    await letGo();
    expect((await running).status).toBe(201);
    expect(await ended).toBe(0);
    expect(livingWorkersOf(server)).toEqual([]);
  });

  it('a second SIGTERM ends all at once with 1', async () => {
    const server = await start({ SHUTDOWN_GRACE_MS: '600000' });
    const letGo = await holdKeys();
    const running = makeAnother(adminOf(server)).catch((error: unknown) => error);
    await waitsForLock();
    const ended = server.stop();
    await eventually(() => logOf(server).filter(({ msg }) => msg === 'Shutting down').length === 3, LIMIT_MS);
    server.process.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(await running).toBeInstanceOf(Error);
    await gone(workersOf(server));
    await letGo();
  });

  it('kill -9 of the first process: the workers answer what is under way and end; the next start serves', async () => {
    const port = String(await freePort());
    const server = await start({ PORT: port, SHUTDOWN_GRACE_MS: '600000' });
    const letGo = await holdKeys();
    const running = makeAnother(adminOf(server));
    await waitsForLock();
    await server.kill();
    await eventually(() => logOf(server).filter(({ msg }) => msg === 'Shutting down').length === 2, LIMIT_MS);
    await letGo();
    expect((await running).status).toBe(201);
    await gone(workersOf(server));
    const again = await start({ PORT: port });
    expect((await adminOf(again).get('/keys')).body.data).toHaveLength(2);
    expect(await again.stop()).toBe(0);
  });

  it.each([
    ['CLEANUP_CRON', 'often', 'CLEANUP_CRON'],
    ['METRICS_PORT', 'taken', 'in use'],
    ['WORKERS', '65', 'WORKERS'],
  ])('N28 does not start with %s=%s, says why, and leaves nothing', async (name, value, reason) => {
    const first = await start({ WORKERS: '1' });
    const taken = value === 'taken' ? new URL(first.url).port : value;
    const failed = start({ DATABASE_URL: `${database.url}?application_name=failing`, [name]: taken });
    await expect(failed).rejects.toThrow('The server did not start');
    await expect(failed).rejects.toThrow(reason);
    await eventually(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'failing'`,
      );
      return rows.length === 0;
    }, LIMIT_MS);
    expect((await adminOf(first).get('/keys')).status).toBe(200);
  });
});

describe('A database that is away', () => {
  const agent = new Agent();
  let postgres: PostgresProcess;
  let server: ServerProcess;

  beforeEach(async () => {
    postgres = await PostgresProcess.create();
    server = await startServer({ DATABASE_URL: postgres.url, WORKERS: '2' });
  });
  afterEach(async () => {
    await (server as ServerProcess | undefined)?.kill();
    await postgres.remove();
  });
  afterAll(() => agent.destroy());

  const endsOf = () => logOf(server).filter(({ msg }) => msg?.startsWith('A worker ended'));

  it('S44 a worker that dies meanwhile is started again until it can serve', async () => {
    const db = new Pool({ connectionString: postgres.url, max: 1 });
    db.on('error', () => undefined);
    const authorization = await makeKey(db, 'acme', 'root', 'admin');
    await db.end();
    await postgres.kill();
    const [victim, other] = workersOf(server);
    process.kill(victim, 'SIGKILL');
    // Its successors do not come up, while the other one tells that the database is away.
    await eventually(() => endsOf().length > 2, LIMIT_MS);
    expect((await fetch(`${server.url}/api/health/ready`)).status).toBe(503);
    await postgres.start();
    await eventually(() => livingWorkersOf(server).length === 2, LIMIT_MS);
    expect(livingWorkersOf(server)).toContain(other);
    await server.ready();
    expect((await new Client(server.url, agent, { authorization }).get('/keys')).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  it('ends the server with 1 when none is left and none can be started', async () => {
    await postgres.kill();
    for (const pid of workersOf(server)) process.kill(pid, 'SIGKILL');
    await eventually(() => server.process.exitCode !== null, LIMIT_MS);
    expect(server.process.exitCode).toBe(1);
    await eventually(() => logOf(server).some(({ level }) => level === 'fatal'), LIMIT_MS);
    expect(livingWorkersOf(server)).toEqual([]);
    expect(endsOf().length).toBeGreaterThan(5);
  });
});
