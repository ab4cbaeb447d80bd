/** The end of an instance as its clients see it: none of them fails. Needs a build. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { loadConfig } from '../../src/config/config';
import { ReadyProxy } from '../support/servers/ready-proxy';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase, waitsForLock } from '../support/world/database';
import { eventually } from '../support/world/events';
import { makeKey } from '../support/world/keys';

const CLIENTS = 96;
const DELAY_MS = 4000;
const PAUSE_MS = 1000;
const SWAPS = process.env.SOAK === '1' ? 10 : 1;

/** Clients that read and append in turn, each on a connection that it keeps. */
class Traffic {
  readonly counts: Record<string, number> = {};
  private stopping = false;
  private readonly running: Promise<void[]>;

  constructor(client: Client, threads: string[]) {
    this.running = Promise.all(
      Array.from({ length: CLIENTS }, (_, n) => this.ask(client, threads[n % threads.length], n)),
    );
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  private async ask(client: Client, threadId: string, n: number): Promise<void> {
    for (let turn = n; !this.stopping; turn += 1) {
      const path = `/threads/${threadId}/messages`;
      const asking = turn % 2 ? client.get(`${path}?last=5`) : client.post(path, { role: 'user', content: `${turn}` });
      const outcome = await asking.then(
        ({ status }) => String(status),
        (error: Error) => error.message,
      );
      this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
      await sleep(PAUSE_MS);
    }
  }
}

describe('The end of an instance', () => {
  const agent = new Agent({ connections: CLIENTS });
  const servers: ServerProcess[] = [];
  let database: TestDatabase;
  let authorization: string;

  const start = async (env: Record<string, string> = {}) => {
    const server = await startServer({ DATABASE_URL: database.url, SHUTDOWN_DELAY_MS: `${DELAY_MS}`, ...env });
    servers.push(server);
    return server;
  };

  beforeAll(async () => {
    database = await cloneDatabase();
    authorization = await makeKey(database.pool, 'acme', 'root', 'admin');
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    await agent.destroy();
    await database.drop();
  });

  it(`R10 X10 readiness turns first, ${CLIENTS} requests under way are answered, others served until the delay is over`, async () => {
    const server = await start();
    const admin = new Client(server.url, agent, { authorization });
    expect((await admin.get('/keys')).headers.connection).toBe('keep-alive');
    const lock = await database.pool.connect();
    await lock.query('BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE');
    const key = { name: 'late', role: 'member', user_id: 'bob' };
    const running = Promise.all(Array.from({ length: CLIENTS }, () => admin.post('/keys', key)));
    await waitsForLock(database);
    const ended = server.stop();
    await eventually(async () => (await fetch(`${server.url}/api/health/ready`)).status === 503);
    const meanwhile = await fetch(server.url);
    await lock.query('COMMIT');
    lock.release();
    expect([meanwhile.status, meanwhile.headers.get('connection')]).toEqual([200, 'close']);
    const served = (await running).filter(({ status, headers }) => status === 201 && headers.connection === 'close');
    expect(served).toHaveLength(CLIENTS);
    expect(await ended).toBe(0);
    await expect(admin.get('/keys')).rejects.toThrow();
  });

  it(`R10 ${CLIENTS} keep-alive clients notice nothing of instances that are replaced behind a proxy`, async () => {
    let current = await start({ WORKERS: '2' });
    const proxy = await ReadyProxy.start([current.url]);
    const client = new Client(proxy.url, agent, { authorization });
    const threads = await Promise.all([1, 2, 3, 4].map(async (n) => (await client.createThread(`${n}`)).id as string));
    const traffic = new Traffic(client, threads);
    for (let swap = 1; swap <= SWAPS; swap += 1) {
      const next = await start({ WORKERS: swap % 2 ? '1' : '2' });
      proxy.add(next.url);
      await sleep(PAUSE_MS);
      expect(await current.stop()).toBe(0);
      current = next;
    }
    await sleep(PAUSE_MS);
    await traffic.stop();
    await proxy.close();
    const { 200: read, 201: stored, 503: refused = 0, ...failures } = traffic.counts;
    expect(failures).toEqual({});
    expect(read + stored).toBeGreaterThan(CLIENTS * 3);
    expect(refused).toBeLessThan(read + stored);
  });

  it('R10 waits by itself only in production, unless it is set', async () => {
    const delayOf = (env: Record<string, string>) => loadConfig(env).shutdown.delayMs;
    const production = { NODE_ENV: 'production', DATABASE_URL: 'postgresql://u@h/d' };
    expect([delayOf({}), delayOf(production), delayOf({ ...production, SHUTDOWN_DELAY_MS: '20' })]).toEqual([
      0, 5000, 20,
    ]);
  });
});
