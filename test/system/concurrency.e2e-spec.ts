import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';
import { makeKey } from '../support/world/keys';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const WRITERS = 64;
const APPENDS = process.env.SOAK === '1' ? 200 : 80;

jest.setTimeout(300_000);

/** Two server processes on one database, as behind a balancer. */
describe('Two servers on one database', () => {
  const agent = new Agent({ connections: 64 });
  let database: TestDatabase;
  let servers: ServerProcess[];
  let alice: Client[];

  const count = async (threadId: string): Promise<number> => {
    const { rows } = await database.pool.query('SELECT count(*) FROM messages WHERE thread_id = $1', [threadId]);
    return rows[0].count;
  };

  beforeAll(async () => {
    database = await cloneDatabase();
    servers = await Promise.all([1, 2].map(() => startServer({ DATABASE_URL: database.url, LOG_LEVEL: 'info' })));
    const authorization = await makeKey(database.pool, 'acme', 'alice', 'member');
    alice = servers.map(({ url }) => new Client(url, agent, { authorization }));
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await agent.destroy();
    await database.drop();
  });

  it(`F57 64 writers append ${APPENDS} each to one thread, while readers page through it`, async () => {
    const { id } = await alice[0].createThread('Busy');
    const progress = { done: false, acknowledged: 0 };
    const readers = [readUpwards(alice[1], id, progress), readDownwards(alice[0], id, progress)];
    const seqs = await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => append(alice[writer % 2], id, progress)),
    );
    progress.done = true;
    const passes = await Promise.all(readers);

    const all = seqs.flat().sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: WRITERS * APPENDS }, (_, index) => index + 1));
    // What one writer wrote stands in the order in which it was written.
    for (const own of seqs) expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(await count(id)).toBe(WRITERS * APPENDS);
    expect(await brokenCounters(database.pool)).toEqual([]);
    const { body } = await alice[1].get(`/threads/${id}`);
    expect(body.message_count).toBe(WRITERS * APPENDS);
    expect(Math.min(...passes)).toBeGreaterThan(1);
  });

  it('16 writers append to 200 threads', async () => {
    const threads = await Promise.all(
      Array.from({ length: 200 }, (_, index) => alice[index % 2].createThread(`${index}`)),
    );
    const write = async (writer: number) => {
      for (let turn = 0; turn < 200; turn += 1) {
        const thread = threads[(turn * 7 + writer * 13) % threads.length];
        await alice[(writer + turn) % 2].addMessage(thread.id, `${writer}/${turn}`);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
    expect(await threadsWithGaps(database.pool)).toEqual([]);
    expect(await brokenCounters(database.pool)).toEqual([]);
    const { rows } = await database.pool.query('SELECT sum(message_count)::int FROM threads WHERE id = ANY($1)', [
      threads.map((thread) => thread.id),
    ]);
    expect(rows[0].sum).toBe(16 * 200);
  });

  it('the same message sent to both at once is one message', async () => {
    const { id } = await alice[0].createThread('Twins');
    const send = (message: object) =>
      Promise.all([0, 1, 0, 1].map((at) => alice[at].post(`/threads/${id}/messages`, message)));
    for (let turn = 0; turn < 50; turn += 1) {
      const answers = await send({ id: randomUUID(), role: 'user', content: `Turn ${turn}` });
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
      expect(new Set(answers.map(({ body }) => body.seq)).size).toBe(1);
    }
    expect(await count(id)).toBe(50);
    expect(await threadsWithGaps(database.pool)).toEqual([]);
  });

  it('appends, edits, deletes and clears at once leave the counters exact', async () => {
    const { id } = await alice[0].createThread('Storm');
    const work = async (writer: number) => {
      const client = alice[writer % 2];
      for (let turn = 0; turn < 25; turn += 1) {
        const message = await client.addMessage(id, { role: 'user', content: `${writer}/${turn}`, cost: '0.000123' });
        // Another writer's clear may have been quicker: 404 is an answer, anything else is not.
        if (turn % 3 === 0)
          expectOneOf(await client.patch(`/messages/${message.id}`, { content: 'edited' }), [200, 404]);
        if (turn % 4 === 0) expectOneOf(await client.delete(`/messages/${message.id}`), [200, 204, 404]);
        if (turn % 20 === 19) expectOneOf(await client.delete(`/threads/${id}/messages`), [200]);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, writer) => work(writer)));
    expect(await brokenCounters(database.pool)).toEqual([]);
  });
});

interface Progress {
  done: boolean;
  acknowledged: number;
}

const expectOneOf = ({ status, text }: { status: number; text: string }, allowed: number[]) => {
  if (!allowed.includes(status)) throw new Error(`${status} ${text}`);
};

/** Appends one after the other; the numbers that they were given. */
async function append(client: Client, threadId: string, progress: Progress): Promise<number[]> {
  const seqs: number[] = [];
  for (let turn = 0; turn < APPENDS; turn += 1) {
    seqs.push((await client.addMessage(threadId, `Message ${turn}`)).seq);
    progress.acknowledged += 1;
  }
  return seqs;
}

const pass = async (client: Client, threadId: string, order: string): Promise<number[]> =>
  (await client.all(`/threads/${threadId}/messages`, { order, limit: 500 })).map((message) => message.seq);

/** From the first message on: everything that was acknowledged before, without a gap. Answers the number of passes. */
async function readUpwards(client: Client, threadId: string, progress: Progress): Promise<number> {
  let passes = 0;
  for (; !progress.done; passes += 1) {
    await sleep(200);
    const { acknowledged } = progress;
    const seqs = await pass(client, threadId, 'asc');
    expect(seqs.length).toBeGreaterThanOrEqual(acknowledged);
    expect(seqs.every((seq, index) => seq === index + 1)).toBe(true);
  }
  return passes;
}

/** From the last message back to the first: what is written meanwhile stands before the first page. */
async function readDownwards(client: Client, threadId: string, progress: Progress): Promise<number> {
  let passes = 0;
  for (; !progress.done; passes += 1) {
    await sleep(200);
    const { acknowledged } = progress;
    const seqs = await pass(client, threadId, 'desc');
    expect(seqs.length).toBeGreaterThanOrEqual(acknowledged);
    expect(seqs.every((seq, index) => seq === seqs.length - index)).toBe(true);
  }
  return passes;
}
