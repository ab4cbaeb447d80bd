import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../../support/world';
import { type Client, expectProblem } from '../../support/world/client';

const PERIOD_MS = 1500;

describe('Appends of two organizations', () => {
  const { app, alice, someone } = world({
    DB_POOL_SIZE: '6',
    DB_MAX_OVERFLOW: '0',
    DB_LOCK_TIMEOUT_MS: '1000',
    DB_POOL_TIMEOUT_MS: '5000',
  });
  const other = someone('alice', 'member', 'globex');

  const say = (content: string, more: object = {}) => ({ role: 'user', content, ...more });

  /** How many appends four writers of the other organization get through until `done`; all of them succeed. */
  const throughput = async (threads: string[], done: Promise<unknown>) => {
    let [count, going] = [0, true];
    void done.finally(() => (going = false));
    const write = async (thread: string) => {
      for (; going; count += 1) {
        // Under an id of the client's it goes alone, and so needs a connection of its own.
        const id = randomUUID();
        expect((await other.post(`/threads/${thread}/messages`, say('small', { id }))).status).toBe(201);
      }
    };
    await Promise.all(threads.map(write));
    return count;
  };

  const makeThreads = (client: Client, count: number) =>
    Promise.all(Array.from({ length: count }, async () => (await client.createThread()).id as string));

  it('R3 24 writers wait for one thread that somebody holds: others don’t, and it is ready', async () => {
    const { id } = await alice.createThread();
    const threads = await makeThreads(other, 4);
    await throughput(threads, sleep(PERIOD_MS / 3));
    const before = await throughput(threads, sleep(PERIOD_MS));
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM threads WHERE id = $1 FOR UPDATE', [id]);
      const writers = Array.from({ length: 24 }, (_, n) =>
        alice.post(`/threads/${id}/messages`, say(`${n}`, n % 2 ? {} : { id: randomUUID() })),
      );
      const held = sleep(PERIOD_MS);
      const meanwhile = throughput(threads, held);
      await sleep(PERIOD_MS / 2);
      expect((await other.get('/health/ready')).status).toBe(200);
      await held;
      expect((await meanwhile) / before).toBeGreaterThan(0.3);
      await holder.query('ROLLBACK');
      const answers = await Promise.all(writers);
      const refused = answers.filter(({ status }) => status !== 201);
      // Those who had the connections waited for DB_LOCK_TIMEOUT_MS; those behind them found the thread free.
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.length).toBeLessThan(24);
      for (const answer of refused) {
        expectProblem(answer, 503, 'THREAD_BUSY');
        expect(answer.headers['retry-after']).toBe('2');
      }
      expect((await alice.get(`/threads/${id}`)).body.message_count).toBe(24 - refused.length);
    } finally {
      holder.release(true);
    }
  });

  // Of minutes, and it says little where the clients share the server's process with it: the next one is the short form.
  (process.env.SOAK === '1' ? it : it.skip)(
    'H4 eight connections append megabytes: appends of another organization don’t stand behind them',
    async () => {
      const [id] = await makeThreads(alice, 1);
      const [small] = await makeThreads(other, 1);
      const texts = Array.from({ length: 9 }, () => say('many words '.repeat(80_000)));
      const large = async () => {
        const { status } = await alice.post(`/threads/${id}/messages`, { messages: texts });
        expect([201, 503]).toContain(status);
      };
      const timed = async (work: () => Promise<unknown>) => {
        const since = performance.now();
        await work();
        return performance.now() - since;
      };
      const two = await timed(() => Promise.all([large(), large()]));
      let going = true;
      const writers = Array.from({ length: 8 }, async () => {
        while (going) await large();
      });
      // At first they come all at once, and this very process sends and parses what they say.
      await sleep(two);
      const waits: number[] = [];
      while (waits.length < 50) {
        const append = async () =>
          expect((await other.post(`/threads/${small}/messages`, say('small'))).status).toBe(201);
        waits.push(await timed(append));
      }
      going = false;
      await Promise.all(writers);
      waits.sort((a, b) => a - b);
      expect(waits[waits.length >> 1] / two).toBeLessThan(1);
    },
  );

  it('H4 of an organization, two large appends are under way at a time; small ones pass', async () => {
    const threads = await makeThreads(alice, 6);
    const [free] = await makeThreads(alice, 1);
    const waiting = `
      SELECT count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM threads WHERE id = ANY($1) FOR UPDATE', [threads]);
      const text = 'many words '.repeat(30_000);
      const large = threads.map((id) => alice.post(`/threads/${id}/messages`, say(text)));
      let most = 0;
      for (let looks = 0; looks < 20 || most === 0; looks += 1) {
        most = Math.max(most, (await app.db.query<{ count: number }>(waiting)).rows[0].count);
        await sleep(20);
      }
      expect(most).toBeLessThanOrEqual(2);
      expect((await alice.post(`/threads/${free}/messages`, say('small'))).status).toBe(201);
      await holder.query('ROLLBACK');
      for (const { status } of await Promise.all(large)) expect([201, 503]).toContain(status);
    } finally {
      holder.release(true);
    }
  });

  it('R3 who has waited for a connection for DB_POOL_TIMEOUT_MS does not wait again', async () => {
    const small = await app.second({ DB_POOL_SIZE: '1', DB_POOL_TIMEOUT_MS: '300', DB_LOCK_TIMEOUT_MS: '2500' });
    const client = await small.as('acme', 'alice');
    const [held, free] = await makeThreads(client, 2);
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM threads WHERE id = $1 FOR UPDATE', [held]);
      const order: string[] = [];
      const send = async (thread: string) => {
        const answer = await client.post(`/threads/${thread}/messages`, say('x', { id: randomUUID() }));
        order.push(answer.body.code);
      };
      const first = send(held);
      await sleep(100);
      await Promise.all([first, send(free)]);
      expect(order).toEqual(['STORE_UNAVAILABLE', 'THREAD_BUSY']);
    } finally {
      holder.release(true);
    }
  });
});
