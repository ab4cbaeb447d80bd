import { setTimeout as sleep } from 'node:timers/promises';
import { expectProblem } from '../support/world/client';
import { startTestApp, type TestApp } from '../support/world/app';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { type Door, openDoor } from '../support/world/door';
import { eventually } from '../support/world/events';
import { sql } from '../../src/database/door/sql';

const ACTIVITY = `
  SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'throughline'`;

describe('The pool of connections', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ DB_POOL_SIZE: '2', DB_MAX_OVERFLOW: '3', DB_POOL_TIMEOUT_MS: '60000' });
  });
  afterAll(() => app.close());

  it('F53, F58 stays within DB_POOL_SIZE + DB_MAX_OVERFLOW under 40 parallel requests', async () => {
    const alice = await app.as('acme', 'alice');
    const { id } = await alice.createThread('Tokyo');
    await alice.addMessage(id);
    let most = 0;
    let watching = true;
    const watch = (async () => {
      for (; watching; await sleep(5)) most = Math.max(most, (await app.db.query(ACTIVITY)).rows[0].count);
    })();
    for (let round = 0; round < 10; round += 1) {
      const paths = ['/threads', `/threads/${id}`, `/threads/${id}/messages`, `/threads/${id}/history`];
      const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => alice.get(paths[index % 4])));
      expect(answers.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([]);
    }
    watching = false;
    await watch;
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(5);
  });

  it('F58 answers 503 when every connection is taken for too long, and recovers', async () => {
    const impatient = await app.second({ DB_POOL_TIMEOUT_MS: '1000' });
    const alice = await impatient.as('acme', 'alice');
    await alice.get('/threads');
    const blocker = await app.db.connect();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE threads IN ACCESS EXCLUSIVE MODE');
    const answers = Array.from({ length: 10 }, () => alice.get('/threads'));
    await Promise.any(answers.map(async (answer) => expect((await answer).status).toBe(503)));
    await blocker.query('ROLLBACK');
    blocker.release();
    const settled = await Promise.all(answers);
    const refused = settled.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(10);
    for (const answer of refused) expectProblem(answer, 503, 'STORE_UNAVAILABLE');
    expect((await alice.get('/threads')).status).toBe(200);
  });
});

describe('Both doors', () => {
  const acme = { orgId: 'acme' };
  let database: TestDatabase;
  let door: Door;

  beforeAll(async () => {
    database = await cloneDatabase();
    door = await openDoor(database.url, { DB_STATEMENT_TIMEOUT_MS: '3000' });
    await database.pool.query(`INSERT INTO organizations (id) VALUES ('acme')`);
    await database.pool.query(`INSERT INTO users (org_id, id) VALUES ('acme', 'a'), ('acme', 'b')`);
  });
  afterAll(async () => {
    await door.close();
    await database.drop();
  });

  it('obey DB_STATEMENT_TIMEOUT_MS, the one without a tenant as well, and a shorter limit of their own', async () => {
    const late = { status: 503, code: 'STATEMENT_TIMEOUT' };
    const asleep = 'SELECT pg_sleep(600)';
    await Promise.all([
      expect(door.db.run(acme, (tx) => tx.query(asleep))).rejects.toMatchObject(late),
      expect(door.system.run((tx) => tx.query(asleep))).rejects.toMatchObject(late),
      expect(door.system.run((tx) => tx.query(asleep), 50)).rejects.toMatchObject(late),
    ]);
    const { rows } = await database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = $1`,
      [asleep],
    );
    expect(rows).toEqual([]);
  });

  it('try again after a deadlock, so that both that met have their way', async () => {
    const touch = sql<'id'>('pool_spec_touch')`UPDATE users SET display_name = id WHERE id = :id`;
    let meet = 2;
    let attempts = 0;
    const both = (first: string, second: string) =>
      door.db.run(acme, async (tx) => {
        attempts += 1;
        await tx.execute(touch, { id: first });
        meet -= 1;
        // Each has its first row before it asks for the second, the first time.
        await eventually(() => meet <= 0);
        return tx.execute(touch, { id: second });
      });
    expect(await Promise.all([both('a', 'b'), both('b', 'a')])).toEqual([1, 1]);
    expect(attempts).toBe(3);
  });
});
