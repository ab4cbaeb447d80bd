/** The server as a process of its own: its start, its end and its database's absence. Needs a build. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { endProcess, watchOver } from '../support/servers/child-processes';
import { Client, expectProblem } from '../support/world/client';
import { cloneDatabase, waitsForLock } from '../support/world/database';
import { eventually } from '../support/world/events';
import { makeKey } from '../support/world/keys';
import { PostgresProcess } from '../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const MAIN = join(__dirname, '../../dist/src/main.js');
const agent = new Agent();
const refuses = ({ url }: ServerProcess) =>
  fetch(`${url}/api/health/live`).then(
    () => false,
    () => true,
  );
const anonymous = (server: ServerProcess) => new Client(server.url, agent);

afterAll(() => agent.destroy());

describe('the process', () => {
  it('boots on nothing, and SIGTERM ends it with 0 and leaves no PostgreSQL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-shell-'));
    try {
      const server = await startServer({ DATA_DIR: join(folder, 'data'), NODE_ENV: 'development' }, folder);
      expect((await anonymous(server).get('/health')).body.status).toBe('healthy');
      expect(server.output).toMatch(/ready on http:\/\/127\.0\.0\.1:\d+ .*\/api\/docs/);
      const postgres = Number(/PostgreSQL \(process (\d+)\)/.exec(server.output)?.[1]);
      expect(isAlive(postgres)).toBe(true);
      expect(await server.stop()).toBe(0);
      expect(isAlive(postgres)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('SIGTERM while PostgreSQL starts ends it with 0 as well, and leaves no PostgreSQL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-shell-'));
    try {
      const env = { PATH: process.env.PATH, PORT: '0', DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'info' };
      const child = spawn(process.execPath, [MAIN], { cwd: folder, env });
      watchOver(child);
      let output = '';
      child.stdout.on('data', (chunk) => (output += chunk));
      await eventually(() => output.includes('Starting PostgreSQL'));
      await endProcess(child, 'SIGTERM');
      expect([child.exitCode, output]).toEqual([0, expect.stringContaining('Shutting down')]);
      const postgres = Number(/PostgreSQL \(process (\d+)\)/.exec(output)?.[1]);
      expect(isAlive(postgres)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('a start that is not ready in time fails, and leaves neither a server nor PostgreSQL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-shell-'));
    try {
      const data = join(folder, 'data');
      await expect(startServer({ DATA_DIR: data }, folder, 1)).rejects.toThrow('did not start');
      expect(existsSync(join(data, 'postgres', 'postmaster.pid'))).toBe(false);
      await expect(PostgresProcess.create({ work_mem: 'lots' }, 1)).rejects.toThrow('did not start');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ['PORT', 'abc'],
    ['DB_POOL_SIZE', '-1'],
    ['MAX_NESTING', '0'],
    ['CLEANUP_CRON', 'often'],
  ])('N28 ends with the name of the variable: %s=%s', async (name, value) => {
    const database = await cloneDatabase();
    try {
      const { code, output } = await runToEnd({ DATABASE_URL: database.url, [name]: value });
      expect(code).toBe(1);
      expect(output).toContain(name);
      expect(output).not.toContain('    at ');
    } finally {
      await database.drop();
    }
  });

  it('names PORT when it is in use, before it touches a database', async () => {
    const database = await cloneDatabase();
    const first = await startServer({ DATABASE_URL: database.url });
    try {
      const { port } = new URL(first.url);
      const { code, output } = await runToEnd({ DB_BACKEND: 'memory', PORT: port });
      expect(code).toBe(1);
      expect(output).toContain(`PORT ${port} of 127.0.0.1 is in use`);
      expect(output).not.toContain('PostgreSQL (process');
    } finally {
      await first.stop();
      await database.drop();
    }
  });

  it('X10 finishes the requests under way after SIGTERM, and refuses new ones', async () => {
    const database = await cloneDatabase();
    const server = await startServer({ DATABASE_URL: database.url });
    const authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
    const admin = new Client(server.url, agent, { authorization });
    const lock = await database.pool.connect();
    try {
      await admin.get('/keys');
      await lock.query('BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE');
      const running = admin.post('/keys', { name: 'late', role: 'member', user_id: 'bob' });
      await waitsForLock(database);
      const ended = server.stop();
      await eventually(() => refuses(server));
      await lock.query('COMMIT');
      expect((await running).status).toBe(201);
      expect((await running).headers.connection).toBe('close');
      expect(await ended).toBe(0);
    } finally {
      lock.release();
      await server.kill();
      await database.drop();
    }
  });

  it('X10 cuts what runs longer than SHUTDOWN_GRACE_MS, and ends with 0', async () => {
    const database = await cloneDatabase();
    const server = await startServer({ DATABASE_URL: database.url, SHUTDOWN_GRACE_MS: '300' });
    const authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
    const admin = new Client(server.url, agent, { authorization });
    const lock = await database.pool.connect();
    try {
      await admin.get('/keys');
      await lock.query('BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE');
      const running = admin
        .post('/keys', { name: 'late', role: 'member', user_id: 'bob' })
        .catch((error: unknown) => error);
      await waitsForLock(database);
      expect(await server.stop()).toBe(0);
      expect(await running).toBeInstanceOf(Error);
    } finally {
      await lock.query('ROLLBACK');
      lock.release();
      await database.drop();
    }
  });

  it('C33 X10 X12 P49 says 503 while the database is away, and comes back with it', async () => {
    const postgres = await PostgresProcess.create();
    const server = await startServer({ DATABASE_URL: postgres.url });
    const pool = new Pool({ connectionString: postgres.url });
    try {
      const authorization = await makeKey(pool, 'acme', 'root', 'admin');
      await pool.end();
      await postgres.kill();
      for (const path of ['/health', '/health/ready']) {
        const answer = await anonymous(server).get(path);
        expectProblem(answer, 503, 'STORE_UNAVAILABLE');
        expect(answer.headers['retry-after']).toBe('1');
      }
      expect((await anonymous(server).get('/health/live')).status).toBe(200);
      const admin = new Client(server.url, agent, { authorization });
      expectProblem(await admin.delete('/keys/the-one', { body: { text: 'SECRET123' } }), 503, 'STORE_UNAVAILABLE');
      // The line follows the answer.
      await eventually(() => /"route":"\/api\/keys\/:id","status":503,.*"id":"the-one"/.test(server.output));
      expect(server.output).not.toContain('SECRET123');
      await postgres.start();
      await server.ready();
      expect((await anonymous(server).get('/health')).status).toBe(200);
      expect(server.output).not.toContain(postgres.password);
      expect(await server.stop()).toBe(0);
    } finally {
      await server.kill();
      await postgres.remove();
    }
  });

  it('a second signal ends it at once with 1', async () => {
    const database = await cloneDatabase();
    const server = await startServer({ DATABASE_URL: database.url });
    const authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
    const lock = await database.pool.connect();
    try {
      const admin = new Client(server.url, agent, { authorization });
      await admin.get('/keys');
      await lock.query('BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE');
      void admin.post('/keys', { name: 'late', role: 'member', user_id: 'bob' }).catch(() => undefined);
      await waitsForLock(database);
      const ended = server.stop();
      await eventually(() => server.output.includes('Shutting down'));
      server.process.kill('SIGTERM');
      expect(await ended).toBe(1);
    } finally {
      await lock.query('ROLLBACK');
      lock.release();
      await database.drop();
    }
  });
});

async function runToEnd(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN], { env: { PATH: process.env.PATH, PORT: '0', ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, output };
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
