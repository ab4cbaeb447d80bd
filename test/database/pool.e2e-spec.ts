import { setTimeout as sleep } from 'node:timers/promises';
import { expectProblem } from '../support/world/client';
import { startTestApp, type TestApp } from '../support/world/app';

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
