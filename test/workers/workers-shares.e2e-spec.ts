import { Connections } from '../../src/database/door/connections';
import { startTestApp, type TestApp } from '../support/world/app';
import type { Client } from '../support/world/client';
import { eventually, follow, type LiveConnection } from '../support/world/events';

const LIMIT_MS = 90_000;

jest.setTimeout(300_000);

/** An app that takes itself for one of four processes. */
describe('One worker of four', () => {
  let app: TestApp;
  let alice: Client;
  beforeAll(async () => {
    const sizes = { LIVE_MAX_STREAMS: '8', DB_POOL_SIZE: '5', DB_MAX_OVERFLOW: '9' };
    app = await startTestApp({ WORKERS: '4', DB_POOL_TIMEOUT_MS: '60000', ...sizes });
    alice = await app.as('acme', 'alice');
  });
  afterAll(() => app.close());

  it('F53 F58 has a quarter of the connections, and serves all the same', async () => {
    const { id } = await alice.createThread();
    const pool = app.app.get(Connections, { strict: false });
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, pool.stats.total)), 1);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        n % 2 ? alice.get('/threads') : alice.post(`/threads/${id}/messages`, { role: 'user', content: `${n}` }),
      ),
    );
    clearInterval(watch);
    expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('N33 has a quarter of the live streams, and an organization a third of those', async () => {
    const clients = await Promise.all(['a', 'b', 'c'].map((orgId) => app.as(orgId, 'alice')));
    const streams: LiveConnection[] = [];
    for (const client of clients) {
      const { id } = await client.createThread();
      const stream = follow(client, app.url, `/threads/${id}/events`);
      await eventually(() => stream.status !== undefined, LIMIT_MS);
      streams.push(stream);
    }
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 503]);
    streams[1].leave();
    // There is room now, for others.
    const { id } = await clients[0].createThread();
    await eventually(async () => (await clients[0].get(`/threads/${id}/events`)).status === 429, LIMIT_MS);
    streams[0].leave();
  });

  it('N26 tells what the instance is set to', async () => {
    const admin = await app.as('acme', 'root', 'admin');
    const set = { WORKERS: 4, LIVE_MAX_STREAMS: 8, DB_POOL_SIZE: 5, DB_MAX_OVERFLOW: 9 };
    expect((await admin.get('/admin/config')).body).toMatchObject(set);
  });
});
