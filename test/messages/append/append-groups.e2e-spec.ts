import { setTimeout as sleep } from 'node:timers/promises';
import { TenantDatabase } from '../../../src/database/door/tenant-database';
import { world } from '../../support/world';
import { startTestApp } from '../../support/world/app';
import { type Client, expectProblem } from '../../support/world/client';
import { brokenCounters, threadsWithGaps } from '../../support/world/integrity';
import { shareThread } from '../../support/world/shares';

describe('Appends that wait at the same time', () => {
  const { app, alice } = world({ MESSAGE_LIMIT_BYTES: '10485760' });

  const say = (content: string, more: object = {}) => ({ role: 'user', content, ...more });
  const append = (client: Client, thread: string, body: object) => client.post(`/threads/${thread}/messages`, body);
  const makeThreads = async (count: number) => {
    const threads = Array.from({ length: count }, (_, n) => ({ name: `Thread ${n}` }));
    return (await alice.post('/threads', { threads })).body.data.map(({ id }: { id: string }) => id) as string[];
  };
  /** Transactions that stored the messages of these threads. */
  const transactions = async (threads: string[]) => {
    const text = `SELECT count(DISTINCT xmin::text)::int AS count FROM messages WHERE thread_id = ANY ($1)`;
    return (await app.db.query<{ count: number }>(text, [threads])).rows[0].count;
  };

  /** Does `work` while another transaction holds the rows of a query, until it is told to let them go. */
  const whileHeld = async (rows: string, id: string, work: (release: () => Promise<unknown>) => Promise<void>) => {
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query(`${rows} FOR UPDATE`, [id]);
      await work(() => holder.query('ROLLBACK'));
    } finally {
      holder.release(true);
    }
  };
  /** Somebody waits for a row. */
  const someoneWaits = async () => {
    const blocked = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    while ((await app.db.query(blocked)).rows.length === 0) await sleep(10);
  };

  afterEach(async () => {
    expect(await brokenCounters(app.db)).toEqual([]);
    expect(await threadsWithGaps(app.db)).toEqual([]);
  });

  it('F57 go together: fewer transactions than appends, each with an answer of its own', async () => {
    const threads = await makeThreads(10);
    const bodies = Array.from({ length: 200 }, (_, n) => ({ thread: threads[n % 10], content: `message ${n}` }));
    const answers = await Promise.all(
      bodies.map(({ thread, content }) => append(alice, thread, say(content, { cost: 0.1 }))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(200).fill(201));
    answers.forEach(({ body }, n) => {
      expect([body.thread_id, body.content.text]).toEqual([bodies[n].thread, bodies[n].content]);
    });
    for (const thread of threads) {
      const stored = (await alice.get(`/threads/${thread}/messages`)).body.data;
      const own = answers.map(({ body }) => body).filter(({ thread_id }) => thread_id === thread);
      // What each was answered is what is stored, under the number that it was told.
      expect(stored).toEqual(own.sort((a, b) => a.seq - b.seq));
      const { body } = await alice.get(`/threads/${thread}`);
      expect([body.message_count, body.version, body.total_cost]).toEqual([20, 21, 2]);
    }
    expect(await transactions(threads)).toBeLessThan(200);
  });

  it('one after the other, each has its own transaction, and waits for nobody', async () => {
    const [thread] = await makeThreads(1);
    for (const n of [1, 2, 3]) expect((await append(alice, thread, say(`${n}`))).body.seq).toBe(n);
    expect(await transactions([thread])).toBe(3);
  });

  it('batches count as one write each, and stay together', async () => {
    const threads = await makeThreads(2);
    const batch = (n: number) => ({ messages: [say(`${n} a`), say(`${n} b`), say(`${n} c`)] });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => append(alice, threads[n % 2], n % 4 < 2 ? batch(n) : say(`${n}`))),
    );
    for (const { body } of answers.filter(({ body }) => body.data)) {
      const seqs = body.data.map(({ seq }: { seq: number }) => seq);
      expect(seqs).toEqual([seqs[0], seqs[0] + 1, seqs[0] + 2]);
      // With this batch, the thread has as many messages as its last one's number says.
      expect(body.total).toBe(seqs[2]);
    }
    const versions = answers
      .filter(({ body }) => body.data && body.data[0].thread_id === threads[0])
      .map(({ body }) => body.version);
    expect(new Set(versions).size).toBe(versions.length);
    for (const thread of threads) expect((await alice.get(`/threads/${thread}`)).body.version).toBe(21);
  });

  it('C19 each fails alone: a missing thread, a stranger’s, a reader’s, a sum that is too large, an old version', async () => {
    const threads = await makeThreads(3);
    const [bob, globex] = [await app.as('acme', 'bob'), await app.as('globex', 'alice')];
    const theirs = (await bob.createThread('Bob’s')).id;
    const read = (await bob.createThread('Read only')).id;
    await shareThread(app, read, 'alice');
    const fill = (cost: string) => app.db.query('UPDATE threads SET total_cost = $2 WHERE id = $1', [threads[2], cost]);
    await fill('9'.repeat(26));
    const wrong = [
      { client: alice, thread: '01a1fd58-7022-77ad-a246-ddb5891453d1', code: 'THREAD_NOT_FOUND', status: 404 },
      { client: alice, thread: theirs, code: 'THREAD_NOT_FOUND', status: 404 },
      { client: alice, thread: read, code: 'THREAD_NOT_WRITABLE', status: 403 },
      { client: globex, thread: threads[0], code: 'THREAD_NOT_FOUND', status: 404 },
      { client: alice, thread: threads[2], more: { cost: 1 }, code: 'VALUE_OUT_OF_RANGE', status: 400 },
      { client: alice, thread: threads[0], more: { expected_version: 99 }, code: 'VERSION_CONFLICT', status: 409 },
    ];
    const right = Array.from({ length: 60 }, (_, n) => append(alice, threads[n % 2], say(`${n}`)));
    const refused = wrong.map(({ client, thread, more }) => append(client, thread, say('wrong', more)));
    for (const { status } of await Promise.all(right)) expect(status).toBe(201);
    (await Promise.all(refused)).forEach((answer, n) => expectProblem(answer, wrong[n].status, wrong[n].code));
    for (const thread of threads.slice(0, 2))
      expect((await alice.get(`/threads/${thread}`)).body.message_count).toBe(30);
    expect((await alice.get(`/threads/${threads[2]}`)).body.message_count).toBe(0);
    await fill('0');
  });

  it('C48 owner, writer and admin append to one thread at the same time', async () => {
    const [thread] = await makeThreads(1);
    await shareThread(app, thread, 'carol', 'write');
    const clients = [alice, await app.as('acme', 'carol'), await app.as('acme', 'root', 'admin')];
    const people = ['alice', 'carol', 'root'];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => append(clients[n % 3], thread, say(`${n}`, { sender_id: people[n % 3] }))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(201));
    expect(answers.map(({ body }) => body.created_by)).toEqual(answers.map(({ body }) => body.sender_id));
    expect(new Set(answers.map(({ body }) => body.seq)).size).toBe(60);
  });

  it('C10 C16 sessions go together too, with threads, those of other users under the same names, and new ones', async () => {
    const bob = await app.as('acme', 'bob');
    const other = await app.as('globex', 'alice');
    const clients = [alice, bob, other];
    const names = Array.from({ length: 5 }, (_, n) => `grouped-${n}`);
    const send = (client: Client, name: string, body: object) => client.post(`/sessions/${name}/messages`, body);
    for (const client of clients) await Promise.all(names.slice(1).map((name) => send(client, name, say('first'))));
    const jobs = clients.flatMap((client, who) =>
      Array.from({ length: 40 }, (_, n) => ({ client, name: names[n % 5], text: `${who}-${n}` })),
    );
    const answers = await Promise.all(jobs.map(({ client, name, text }) => send(client, name, say(text))));
    expect(answers.map(({ status }) => status)).toEqual(Array(120).fill(201));
    for (const [who, client] of clients.entries())
      for (const name of names) {
        const { data } = (await client.get(`/sessions/${name}/messages`)).body;
        const texts = data
          .map(({ content }: { content: string }) => content)
          .filter((text: string) => text !== 'first');
        expect(texts).toHaveLength(8);
        for (const text of texts) expect(text).toMatch(new RegExp(`^${who}-`));
        const own = answers.map(({ body }) => body).filter(({ thread_id }) => thread_id === data[0].thread_id);
        expect(own.sort((a, b) => a.seq - b.seq)).toEqual(data.filter(({ content }: any) => content !== 'first'));
      }
  });

  it('a session and its thread are one place, by either name', async () => {
    const first = (await alice.post('/sessions/either/messages', say('first'))).body;
    const paths = ['/sessions/either', `/threads/${first.thread_id}`];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => alice.post(`${paths[n % 2]}/messages`, say(`${n}`))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(201));
    expect(answers.map(({ body }) => body.seq).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, n) => n + 2),
    );
    expect((await alice.get('/sessions/either')).body).toMatchObject({ message_count: 41, version: 42 });
  });

  it('what is large goes alone beside the small ones, and is as whole as they are', async () => {
    const [thread, other] = await makeThreads(2);
    const batch = Array.from({ length: 33 }, (_, n) => ({ role: 'user', content: `${n}` }));
    const bodies = [{ messages: batch }, say('x'.repeat(70_000)), ...Array.from({ length: 20 }, () => say('small'))];
    const answers = await Promise.all(
      bodies.flatMap((body) => [append(alice, thread, body), append(alice, other, body)]),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(44).fill(201));
    for (const id of [thread, other])
      expect((await alice.get(`/threads/${id}`)).body).toMatchObject({ message_count: 54, version: 23 });
  });

  it('C16 C19 a key that may not see a thread does not ride along with one of the same user that may', async () => {
    const { id } = await (await app.as('acme', 'bob')).createThread();
    const [admin, member] = [await app.as('acme', 'both', 'admin'), await app.as('acme', 'both', 'member')];
    for (let round = 0; round < 5; round += 1) {
      const clients = Array.from({ length: 24 }, (_, n) => (n % 3 === 2 ? member : admin));
      const answers = await Promise.all(clients.map((client) => append(client, id, say('mine'))));
      expect(answers.map(({ status }) => status)).toEqual(clients.map((client) => (client === admin ? 201 : 404)));
    }
  });

  it('C48 nobody but the sharer waits behind a share that somebody holds', async () => {
    const [shared, own] = await makeThreads(2);
    await shareThread(app, shared, 'dave', 'write');
    const dave = await app.as('acme', 'dave');
    await whileHeld('SELECT FROM shares WHERE thread_id = $1', shared, async (release) => {
      const waiting = append(dave, shared, say('patient'));
      await someoneWaits();
      // These would never come back, if they waited.
      for (const { status } of await Promise.all([1, 2, 3].map((n) => append(alice, own, say(`${n}`)))))
        expect(status).toBe(201);
      await release();
      expect((await waiting).status).toBe(201);
    });
  });

  it('F58 what waits is bounded, also what is large: 503 and when to come back, and nothing of it is stored', async () => {
    const [id] = await makeThreads(1);
    await whileHeld('SELECT FROM threads WHERE id = $1', id, async (release) => {
      const content = 'many words '.repeat(800_000);
      const sent = Array.from({ length: 10 }, () => append(alice, id, say(content, { token_count: 1 })));
      // All others wait for the thread.
      const refused = await Promise.any(sent);
      expectProblem(refused, 503, 'STORE_UNAVAILABLE');
      expect(refused.headers['retry-after']).toBe('1');
      await release();
      const stored = (await Promise.all(sent)).filter(({ status }) => status === 201);
      // Who arrived later may have found room again.
      expect(stored.length).toBeGreaterThanOrEqual(7);
      expect((await alice.get(`/threads/${id}`)).body.message_count).toBe(stored.length);
      expect((await append(alice, id, say('afterwards'))).status).toBe(201);
    });
  });

  it('H3 a message that takes PostgreSQL long hurts itself only: the others of its group go alone', async () => {
    await app.db.query(`
      CREATE FUNCTION sleep_on_marker() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.content::text LIKE ''%poisonous%'' THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END';
      CREATE TRIGGER sleep_on_marker BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION sleep_on_marker()`);
    const threads = await makeThreads(20);
    let slow = true;
    const [poisonous, ...others] = threads.map((thread, n) => append(alice, thread, say(n ? `${n}` : 'poisonous')));
    void poisonous.then(() => (slow = false));
    for (const { status } of await Promise.all(others)) expect(status).toBe(201);
    expect(slow).toBe(true);
    await app.db.query(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'`);
    expectProblem(await poisonous, 503, 'STATEMENT_TIMEOUT');
    await app.db.query('DROP TRIGGER sleep_on_marker ON messages; DROP FUNCTION sleep_on_marker');
  });

  it('nobody waits behind a thread that somebody holds', async () => {
    const [held, ...others] = await makeThreads(10);
    await whileHeld('SELECT FROM threads WHERE id = $1', held, async (release) => {
      const waiting = append(alice, held, say('patient'));
      await someoneWaits();
      // These would never come back, if they waited.
      const answers = await Promise.all([...others, ...others].map((thread) => append(alice, thread, say('quick'))));
      for (const { status } of answers) expect(status).toBe(201);
      await release();
      expect((await waiting).status).toBe(201);
    });
  });
});

it('F57 the statement of a group is planned once, and never for its values', async () => {
  const app = await startTestApp({ DB_POOL_SIZE: '1', DB_MAX_OVERFLOW: '0' });
  try {
    const alice = await app.as('acme', 'alice');
    const { id } = await alice.createThread();
    for (let n = 0; n < 20; n += 1) await alice.addMessages(id, [{ role: 'user', content: 'x'.repeat(n * 100) }]);
    // There is one connection only, which knows how often it planned.
    const plans = `SELECT generic_plans::int, custom_plans::int FROM pg_prepared_statements WHERE name = 'messages_append_group'`;
    const rows = await app.app.get(TenantDatabase, { strict: false }).read({ orgId: 'acme' }, (tx) => tx.query(plans));
    expect(rows).toEqual([{ generic_plans: 20, custom_plans: 0 }]);
  } finally {
    await app.close();
  }
});
