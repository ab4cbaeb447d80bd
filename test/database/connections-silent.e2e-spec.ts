/** Connections that die without a word. The answer is waited for DB_STATEMENT_TIMEOUT_MS and 5 s more. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from '../../src/database/door/sql';
import { DatabaseProxy } from '../support/servers/database-proxy';
import { TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { openDoor } from '../support/world/door';
import { eventually } from '../support/world/events';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';

/** In `npm run soak` the limits are those that a server has, and everything is silent for 45 s. */
const SOAK = process.env.SOAK === '1';
const LIMITS: Record<string, string> = SOAK ? {} : { DB_STATEMENT_TIMEOUT_MS: '500', DB_POOL_TIMEOUT_MS: '3000' };
const SILENCE_MS = SOAK ? 45_000 : 7000;

jest.setTimeout(300_000);

const LOCK = sql<'id'>('silent_spec_lock')`SELECT FROM threads WHERE id = :id FOR UPDATE`;
const LOOK = sql<never, { one: number }>('silent_spec_look')`SELECT 1 AS one`;
const away = { status: 503, code: 'STORE_UNAVAILABLE' };

interface World {
  proxy: DatabaseProxy;
  app: TestApp;
  alice: Client;
  bob: Client;
  /** Appends under an id of its own until it is acknowledged. */
  say(client: Client, threadId: string, id?: string): Promise<void>;
  threads: { alice: string; bob: string };
}

describe('Connections that fall silent', () => {
  let database: TestDatabase;
  const closing: (() => Promise<void>)[] = [];
  const acknowledged: string[] = [];

  beforeAll(async () => (database = await cloneDatabase()));
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()));
    await database.drop();
  });

  /** A server of its own behind a proxy, with two organizations that have connections open. */
  async function open(): Promise<World> {
    const proxy = await DatabaseProxy.to(database.url);
    const app = await TestApp.over(database, { DATABASE_URL: proxy.url, ...LIMITS });
    closing.push(async () => {
      await proxy.close();
      await app.close();
    });
    const name = randomUUID();
    const [alice, bob] = [await app.as(`acme-${name}`, 'alice'), await app.as(`globex-${name}`, 'bob')];
    const threads = { alice: (await alice.createThread()).id as string, bob: (await bob.createThread()).id as string };
    await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? alice : bob).get('/threads')));
    const say = async (client: Client, threadId: string, id: string = randomUUID()) => {
      const message = { id, role: 'user', content: 'Hello' };
      for (;;) {
        const answer = await client.post(`/threads/${threadId}/messages`, message);
        if (answer.status < 300) break;
        expectProblem(answer, 503, 'STORE_UNAVAILABLE');
        await sleep(100);
      }
      acknowledged.push(id);
    };
    return { proxy, app, alice, bob, threads, say };
  }

  /** Everything works, and of what was silent nothing is left. */
  async function expectHealed({ proxy, alice, bob, say, threads }: World): Promise<void> {
    await eventually(async () => (await alice.get('/health/ready')).status === 200);
    await Promise.all([say(alice, threads.alice), say(bob, threads.bob)]);
    for (const client of [alice, bob]) expect((await client.get('/threads')).status).toBe(200);
    await eventually(() => proxy.silentOnes === 0);
  }

  async function one(delivers: boolean): Promise<void> {
    const world = await open();
    const { proxy, app, alice, bob, threads, say } = world;
    const id = randomUUID();
    proxy.silenceAt(id, delivers);
    let waiting = true;
    const first = say(alice, threads.alice, id).finally(() => (waiting = false));
    await eventually(() => proxy.silentOnes === 1);
    const behind = say(alice, threads.alice);
    let others = 0;
    let unready = 0;
    while (waiting) {
      await say(bob, threads.bob);
      expect((await alice.get(`/threads/${threads.alice}`)).status).toBe(200);
      if ((await app.anonymous().get('/health/ready')).status === 503) unready += 1;
      others += 1;
      await sleep(100);
    }
    await Promise.all([first, behind]);
    expect(others).toBeGreaterThan(3);
    expect(unready).toBeGreaterThan(0);
    await expectHealed(world);
  }

  async function allThatAreOpen(): Promise<void> {
    const world = await open();
    const { proxy, alice, bob, threads, say } = world;
    proxy.silence('open');
    await Promise.all([say(alice, threads.alice), say(bob, threads.bob), say(alice, threads.alice)]);
    await expectHealed(world);
  }

  async function everything(): Promise<void> {
    const world = await open();
    const { proxy, alice, bob, threads, say } = world;
    proxy.silence('all');
    const appends = Promise.all([say(alice, threads.alice), say(bob, threads.bob)]);
    const reads = Promise.all([alice, bob].map((client) => client.get('/threads')));
    await sleep(SILENCE_MS / 2);
    expectProblem(await alice.get('/health/ready'), 503, 'STORE_UNAVAILABLE');
    await sleep(SILENCE_MS / 2);
    proxy.heal();
    for (const answer of await reads) expectProblem(answer, 503, 'STORE_UNAVAILABLE');
    await appends;
    await expectHealed(world);
  }

  /** Of every kind of transaction, and of one that has a lock. */
  async function everyKind(): Promise<void> {
    const { proxy, alice, threads } = await open();
    const tenant = { orgId: 'acme' };
    const door = await openDoor(proxy.url, LIMITS);
    closing.push(() => door.close());
    await door.db.readOne(tenant, (tx) => tx.query(LOOK));
    const orgId = (await database.pool.query('SELECT org_id FROM threads WHERE id = $1', [threads.alice])).rows[0]
      .org_id;
    const locking = door.db.run({ orgId }, async (tx) => {
      await tx.query(LOCK, { id: threads.alice });
      proxy.silence('all');
      await tx.query(LOOK);
    });
    const held = expect(locking).rejects.toMatchObject(away);
    await eventually(() => proxy.silentOnes > 0);
    const kinds = [
      door.db.runOne(tenant, (tx) => tx.query(LOOK), { repeatable: true }),
      door.db.read(tenant, (tx) => tx.query(LOOK)),
      door.db.readOne(tenant, (tx) => tx.query(LOOK)),
      door.db.readOne(tenant, (tx) => tx.query(LOOK), { rows: 1 }),
      door.system.run((tx) => tx.query('SELECT 1')),
    ];
    for (const outcome of await Promise.allSettled(kinds)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: away });
    }
    await held;
    proxy.heal();
    expect(await door.db.readOne(tenant, (tx) => tx.query(LOOK), { rows: 1 })).toEqual([{ one: 1 }]);
    // PostgreSQL has not heard that the connection is gone, and lets go of the lock all the same.
    await database.pool.query('SELECT FROM threads WHERE id = $1 FOR UPDATE', [threads.alice]);
    expect((await alice.get('/threads')).status).toBe(200);
  }

  it('R2 one, its answer, all that are open, everything, of every kind: nobody waits for ever, and all works again', async () => {
    await Promise.all([one(false), one(true), allThatAreOpen(), everything(), everyKind()]);
    const { rows } = await database.pool.query<{ id: string }>('SELECT id FROM messages ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual([...acknowledged].sort());
    expect(await threadsWithGaps(database.pool)).toEqual([]);
    expect(await brokenCounters(database.pool)).toEqual([]);
  });
});
