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
