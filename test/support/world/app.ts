/**
 * A whole server over a database of its own.
 *
 *     let app: TestApp;
 *     beforeAll(async () => (app = await startTestApp()));
 *     afterAll(() => app.close());
 *
 *     it('F69 renames a thread', async () => {
 *       const alice = await app.as('acme', 'alice');          // an API key; role 'member' unless a third argument says
 *       const mallory = await app.as('acme', 'mallory');
 *       const { id } = await alice.createThread('Tokyo');
 *       expect((await alice.patch(`/threads/${id}`, { name: 'Kyoto' })).status).toBe(200);
 *       expectProblem(await mallory.patch(`/threads/${id}`, { name: 'mine' }), 404, 'THREAD_NOT_FOUND');
 *     });
 *
 * `app.db` is a superuser's pool that sees past row-level security. `app.second()` is another instance over the same
 * database. Variables go into the call: `startTestApp({ BODY_LIMIT_BYTES: '2048' })`.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import { Agent } from 'undici';
import { createApp } from '../../../src/app.setup';
import type { Role } from '../../../src/organizations/principal';
import { type Config, loadConfig } from '../../../src/config/config';
import { Client } from './client';
import { cloneDatabase, type TestDatabase } from './database';
import { makeKey } from './keys';

export type TestEnvironment = Record<string, string | undefined>;

const ENVIRONMENT: TestEnvironment = {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'silent',
  NODE_ENV: 'test',
  CLEANUP_ENABLED: 'false',
  OPERATOR_ORG_ID: 'acme',
};

export class TestApp {
  private readonly agent = new Agent({ connections: 128 });
  private readonly keys = new Map<string, Promise<string>>();
  private readonly others: TestApp[] = [];

  private constructor(
    readonly app: NestFastifyApplication,
    readonly config: Config,
    readonly url: string,
    readonly database: TestDatabase,
    private readonly env: TestEnvironment,
    private readonly owner: boolean,
  ) {}

  /** An app over a database that somebody else drops. */
  static async over(database: TestDatabase, env: TestEnvironment = {}, owner = false): Promise<TestApp> {
    const config = loadConfig({ ...ENVIRONMENT, DATABASE_URL: database.url, ...env });
    const app = await createApp(config, config.env.DATABASE_URL ?? database.url);
    await app.listen(0, '127.0.0.1');
    return new TestApp(app, config, await app.getUrl(), database, env, owner);
  }

  /** A superuser's connections, for assertions. */
  get db(): Pool {
    return this.database.pool;
  }

  /** A client with an API key of its own; the same three words give the same key. A `service` acts as `userId`. */
  async as(orgId: string, userId: string, role: Role = 'member'): Promise<Client> {
    const name = JSON.stringify([orgId, userId, role]);
    if (!this.keys.has(name)) this.keys.set(name, makeKey(this.db, orgId, userId, role));
    const authorization = await this.keys.get(name)!;
    return new Client(this.url, this.agent, { authorization, ...(role === 'service' && { 'x-user-id': userId }) });
  }

  /** A client without credentials. */
  anonymous(): Client {
    return new Client(this.url, this.agent);
  }

  /** Another instance over the same database, closed with this one. */
  async second(env: TestEnvironment = {}): Promise<TestApp> {
    const other = await TestApp.over(this.database, { ...this.env, ...env });
    this.others.push(other);
    return other;
  }

  async close(): Promise<void> {
    await Promise.all(this.others.map((other) => other.close()));
    await this.agent.destroy();
    await this.app.close();
    if (this.owner) await this.database.drop();
  }
}

/** Clones a database and starts the app over it. */
export async function startTestApp(env: TestEnvironment = {}): Promise<TestApp> {
  const database = await cloneDatabase();
  try {
    return await TestApp.over(database, env, true);
  } catch (error) {
    await database.drop();
    throw error;
  }
}
