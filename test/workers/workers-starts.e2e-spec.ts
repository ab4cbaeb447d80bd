/** Several processes under conditions that their start must not depend on. Needs a build. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { eventually } from '../support/world/events';
import { makeKey } from '../support/world/keys';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { isAlive, livingWorkersOf, logOf, workersOf } from '../support/servers/worker-processes';

const MAIN = join(__dirname, '../../dist/src/main.js');
const LIMIT_MS = 90_000;

jest.setTimeout(300_000);

/** What PM2 does in its cluster mode: the server is a worker of somebody else's cluster. */
const FOREIGN = `
  const cluster = require('node:cluster');
  cluster.setupPrimary({ exec: ${JSON.stringify(MAIN)} });
  const workers = [cluster.fork(), cluster.fork()];
  cluster.on('exit', (worker, code) => process.stdout.write('ended with ' + code + '\\n'));
  process.on('SIGTERM', () => workers.forEach((worker) => worker.process.kill('SIGTERM')));
`;

describe('The start', () => {
  const agent = new Agent();
  const children: ChildProcess[] = [];
  let folder: string;
  let database: TestDatabase;
  let server: ServerProcess | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'throughline-starts-'));
    database = await cloneDatabase();
  });
  afterEach(async () => {
    const workers = server ? workersOf(server) : [];
    await server?.kill();
    server = undefined;
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await eventually(() => !workers.some(isAlive), LIMIT_MS);
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(() => agent.destroy());

  /** Two servers on one port, started by somebody else's cluster. */
  const startForeign = (env: Record<string, string>) => {
    const program = join(folder, 'manager.js');
    writeFileSync(program, FOREIGN);
    const settings = { HOST: '127.0.0.1', DATABASE_URL: database.url, OPERATOR_ORG_ID: 'acme' };
    const all = { PATH: process.env.PATH ?? '', ...settings, ...env };
    const child = spawn(process.execPath, [program], { cwd: folder, env: all });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    return { child, read: () => output };
  };

  it('of workers waits for what NODE_OPTIONS loads first', async () => {
    const slow = join(folder, 'slow.mjs');
    writeFileSync(slow, 'await new Promise((resolve) => setTimeout(resolve, 500));');
    server = await startServer({ DATABASE_URL: database.url, WORKERS: '2', NODE_OPTIONS: `--import=${slow}` });
    expect(livingWorkersOf(server)).toHaveLength(2);
    expect(await server.stop()).toBe(0);
  });

  it('in somebody else’s cluster is that of a server alone, on the port that they share', async () => {
    const { child, read } = startForeign({ PORT: '0' });
    const addresses = () =>
      [...read().matchAll(/"msg":"Throughline is ready on (http:[\w.:/]+) /g)].map(([, url]) => url);
    await eventually(() => addresses().length === 2, LIMIT_MS);
    expect(addresses()[0]).toBe(addresses()[1]);
    const authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
    const admin = new Client(addresses()[0], agent, { authorization });
    expect((await admin.get('//metrics')).text).toContain('server_processes 1');
    child.kill('SIGTERM');
    await eventually(() => read().match(/^ended with 0$/gm)?.length === 2, LIMIT_MS);
  });

  it('N28 in somebody else’s cluster of workers of its own is refused', async () => {
    const { child, read } = startForeign({ PORT: '0', WORKERS: '2' });
    await once(child, 'exit');
    expect(read().match(/WORKERS must be 1 where a process manager/g)).toHaveLength(2);
    expect(read().match(/^ended with 1$/gm)).toHaveLength(2);
  });

  it('kill -9 of the first process, with connections on their way: no worker dies of it', async () => {
    const grace = { SHUTDOWN_GRACE_MS: '600000' };
    server = await startServer({ DATABASE_URL: database.url, WORKERS: '2', ...grace });
    const workers = workersOf(server);
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    const sockets = Array.from({ length: 8 }, () => connect(Number(new URL(server!.url).port), '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => undefined);
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    // The first process has handed them on by then; nothing tells.
    await sleep(300);
    await server.kill();
    for (const pid of workers) process.kill(pid, 'SIGCONT');
    for (const socket of sockets) socket.destroy();
    await eventually(() => !workers.some(isAlive), LIMIT_MS);
    const said = logOf(server).filter(({ msg }) => msg === 'Shutting down');
    expect(new Set(said.map(({ pid }) => pid))).toEqual(new Set(workers));
    expect(logOf(server).filter(({ level }) => level === 'fatal')).toEqual([]);
  });

  it('N28 tells when so many workers need more connections than are wanted', async () => {
    const few = { DB_POOL_SIZE: '2', DB_MAX_OVERFLOW: '0' };
    server = await startServer({ DATABASE_URL: database.url, WORKERS: '2', ...few });
    // The database of the tests is not durable, which is another warning.
    const warnings = logOf(server).filter(({ level, msg }) => level === 'warn' && !msg?.includes('fsync'));
    expect(warnings).toEqual([expect.objectContaining({ msg: expect.stringContaining('Up to 4 connections, not 2') })]);
    expect(await server.stop()).toBe(0);
  });
});
