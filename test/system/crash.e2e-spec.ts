import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { freePort } from '../../src/embedded-postgres/connection';
import { Client, expectProblem, type Response } from '../support/world/client';
import { cloneDatabase } from '../support/world/database';
import { eventually } from '../support/world/events';
import { makeKey } from '../support/world/keys';
import { expectWhole, Load, WRITERS } from '../support/world/load';
import { PostgresProcess } from '../support/servers/postgres-process';
import { type ServerProcess, startServer } from '../support/servers/server-process';

/** The full number of crashes takes minutes: `npm run soak`. */
const SOAK = process.env.SOAK === '1';
const SERVER_KILLS = SOAK ? 10 : 2;
const POSTGRES_KILLS = SOAK ? 5 : 1;
const THREADS = 20;

jest.setTimeout(600_000);

const createThreads = async (client: Client): Promise<string[]> =>
  Promise.all(Array.from({ length: THREADS }, async (_, index) => (await client.createThread(`${index}`)).id));

/** After the last crash it goes on, however slow the machine is. */
const enough = ({ acknowledged }: Load) => eventually(() => acknowledged.length > 60);

describe('Crashes under load', () => {
  const agents: Agent[] = [];
  const servers: ServerProcess[] = [];
  let load: Load | undefined;

  const clientOf = async (url: string, db: Pool) => {
    const agent = new Agent({ connections: WRITERS });
    agents.push(agent);
    return new Client(url, agent, { authorization: await makeKey(db, 'acme', 'alice', 'member') });
  };

  const start = async (env: Record<string, string>) => {
    const server = await startServer(env);
    servers.push(server);
    return server;
  };

  afterEach(async () => {
    // After a failure, nobody else has stopped it.
    load?.abandon();
    await Promise.all(servers.splice(0).map((server) => server.kill()));
    await Promise.all(agents.splice(0).map((agent) => agent.destroy()));
  });

  it(`S44 P08 kill -9 of the server, ${SERVER_KILLS} times`, async () => {
    const database = await cloneDatabase();
    const env = { DATABASE_URL: database.url, PORT: String(await freePort()) };
    let server = await start(env);
    const client = await clientOf(server.url, database.pool);
    load = new Load(client, await createThreads(client));
    for (let kill = 0; kill < SERVER_KILLS; kill += 1) {
      await sleep(200 + 100 * (kill % 4));
      await server.kill();
      server = await start(env);
    }
    await enough(load);
    await load.stop();
    expect(load.repeated).toBeGreaterThan(0);
    await expectWhole(client, database.pool, load);
    await server.kill();
    await database.drop();
  });

  it(`S44 P08 kill -9 of PostgreSQL, ${POSTGRES_KILLS} times`, async () => {
    const postgres = await PostgresProcess.create();
    const db = new Pool({ connectionString: postgres.url, max: 2 });
    db.on('error', () => undefined);
    let server: ServerProcess | undefined;
    try {
      server = await start({ DATABASE_URL: postgres.url, NODE_ENV: 'production' });
      const client = await clientOf(server.url, db);
      const threads = await createThreads(client);
      load = new Load(client, threads);
      for (let kill = 0; kill < POSTGRES_KILLS; kill += 1) {
        await sleep(300 + 100 * (kill % 4));
        await postgres.kill();
        await expectAway(client, threads[0]);
        await postgres.start();
        await server.ready();
      }
      await enough(load);
      await load.stop();
      expect(server.process.exitCode).toBeNull();
      await expectWhole(client, db, load);
    } catch (cause) {
      const { exitCode = 'not started' } = server?.process ?? {};
      throw new Error(`${String(cause)}\nThe server (exit ${exitCode}):\n${server?.output.slice(-4000)}`, { cause });
    } finally {
      await db.end();
      await postgres.remove();
    }
  });
});

/** While the database is away: 503 with Retry-After, never 404 or an empty list (design 5), and the server lives. */
async function expectAway(client: Client, threadId: string): Promise<void> {
  const answers: Response[] = [];
  for (const path of [`/threads/${threadId}`, '/threads', `/threads/${threadId}/messages`, '/messages']) {
    answers.push(await client.get(path));
  }
  for (const answer of answers) {
    expectProblem(answer, 503, 'STORE_UNAVAILABLE');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
  expect((await client.get('/health/ready')).status).toBe(503);
  expect((await client.get('/health/live')).status).toBe(200);
}
