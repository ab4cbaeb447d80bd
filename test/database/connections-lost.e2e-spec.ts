/** Connections that PostgreSQL ends: nobody hears of it but those who work on them. Needs a build. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { DatabaseProxy } from '../support/servers/database-proxy';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { makeKey } from '../support/world/keys';
import { expectWhole, Load, WRITERS } from '../support/world/load';

/** A minute in `npm run soak`. */
const TERMINATIONS = process.env.SOAK === '1' ? 60 : 8;
const TERMINATE_ALL = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'throughline'`;

jest.setTimeout(300_000);

describe('Connections that PostgreSQL ends', () => {
  const agent = new Agent({ connections: WRITERS * 4 });
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let server: ServerProcess;
  let alice: Client;

  beforeAll(async () => {
    database = await cloneDatabase();
    proxy = await DatabaseProxy.to(database.url);
    server = await startServer({ DATABASE_URL: proxy.url });
    alice = new Client(server.url, agent, {
      authorization: await makeKey(database.pool, 'acme', 'alice', 'member'),
    });
  });
  afterAll(async () => {
    await server?.kill();
    await proxy?.close();
    await agent.destroy();
    await database?.drop();
  });
  const expectAlive = () =>
    expect([server.process.exitCode, server.output.slice(-2000)]).toEqual([null, expect.any(String)]);

  it('R1 a greeting and a FATAL in one packet: 503, or another connection, and the process lives', async () => {
    for (let round = 0; round < 3; round += 1) {
      proxy.cut();
      proxy.refuseAfterGreeting(10);
      const answers = await Promise.all(Array.from({ length: 30 }, () => alice.get('/threads').catch(() => undefined)));
      expectAlive();
      expect(answers.map((answer) => answer?.status).filter((status) => status !== 200 && status !== 503)).toEqual([]);
    }
    proxy.refuseAfterGreeting(0);
    await server.ready();
    expect((await alice.get('/threads')).status).toBe(200);
  });

  it(`R1 all connections terminated each second, ${TERMINATIONS} times under load: the process lives, and nothing is lost`, async () => {
    const threads = await Promise.all(
      Array.from({ length: 20 }, async () => (await alice.createThread()).id as string),
    );
    const load = new Load(alice, threads);
    try {
      for (let n = 0; n < TERMINATIONS; n += 1) {
        await sleep(1000);
        await database.pool.query(TERMINATE_ALL);
      }
      await load.stop();
    } finally {
      load.abandon();
    }
    expectAlive();
    await expectWhole(alice, database.pool, load);
  });
});
