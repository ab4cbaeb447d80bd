/** A PostgreSQL that is a standby, and one that waits for a standby. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { migrate } from '../../src/database/migrate';
import { PostgresProcess } from '../support/servers/postgres-process';
import { TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { eventually } from '../support/world/events';
import { brokenCounters } from '../support/world/integrity';

jest.setTimeout(300_000);

describe('Standbys', () => {
  let postgres: PostgresProcess;
  let pool: Pool;
  let app: TestApp;
  let alice: Client;
  let threadId: string;

  beforeAll(async () => {
    postgres = await PostgresProcess.create();
    await migrate({ url: postgres.url, ownerUrl: postgres.url });
    pool = new Pool({ connectionString: postgres.url, max: 1 });
    pool.on('error', () => undefined);
    const database = { url: postgres.url, pool, drop: () => pool.end() };
    app = await TestApp.over(database, { DB_STATEMENT_TIMEOUT_MS: '500', DB_POOL_TIMEOUT_MS: '3000' }, true);
    alice = await app.as('acme', 'alice');
    threadId = (await alice.createThread()).id;
  });
  afterAll(async () => {
    await app?.close();
    await postgres.remove();
  });

  const say = (id: string) => alice.post(`/threads/${threadId}/messages`, { id, role: 'user', content: 'Hello' });
  const expectOnce = async (id: string) => {
    const { data } = (await alice.get(`/threads/${threadId}/messages`)).body;
    expect(data.filter((message: { id: string }) => message.id === id)).toHaveLength(1);
    expect(await brokenCounters(pool)).toEqual([]);
  };

  it('R2 a synchronous standby stands still: appends are 503, reads go on, and what is sent again is there once', async () => {
    const waitFor = async (names: string) => {
      await pool.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await pool.query('SELECT pg_reload_conf()');
    };
    const id = randomUUID();
    await waitFor('nobody');
    const appending = say(id);
    await sleep(500);
    expect((await alice.get('/threads')).status).toBe(200);
    expect((await appending).status).toBe(503);
    await waitFor('');
    expect(await say(id)).toMatchObject({ status: 200, body: { id, seq: 1 } });
    await expectOnce(id);
  });

  it('R4 the primary becomes a standby: writes are 503, reads go on, it is not ready; and all is well when it is promoted', async () => {
    await postgres.demote();
    await eventually(async () => (await alice.get(`/threads/${threadId}`)).status === 200);
    const id = randomUUID();
    expectProblem(await say(id), 503, 'STORE_UNAVAILABLE');
    expectProblem(await alice.post('/threads', { name: 'Tokyo' }), 503, 'STORE_UNAVAILABLE');
    expectProblem(await alice.get('/health/ready'), 503, 'STORE_UNAVAILABLE');
    expect((await alice.get(`/threads/${threadId}/messages`)).status).toBe(200);
    // A server starts on it as well, and waits.
    expect(await migrate({ url: postgres.url, ownerUrl: postgres.url })).toEqual([]);
    const second = (await app.second()).anonymous();
    expectProblem(await second.get('/health/ready'), 503, 'STORE_UNAVAILABLE');
    await postgres.promote();
    for (const server of [alice, second]) {
      await eventually(async () => (await server.get('/health/ready')).status === 200);
    }
    expect((await say(id)).status).toBe(201);
    await expectOnce(id);
  });
});
