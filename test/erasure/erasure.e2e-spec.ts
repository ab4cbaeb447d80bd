import { setTimeout as sleep } from 'node:timers/promises';
import { ERASURE_STEPS } from '../../src/erasure/erasure-steps';
import { ErasureWorkerService } from '../../src/erasure/erasure-worker.service';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { shareThread } from '../support/world/shares';

/** Fills every table for one user, with the user's name in every place where it may stand. */
async function live(client: Client, name: string): Promise<string> {
  const { id } = await client.createThread(`Thread of ${name}`, { metadata: { note: name } });
  await client.addMessages(id, [
    { role: 'user', content: `I am ${name}`, sender_id: name },
    { role: 'assistant', content: `Hello ${name}` },
  ]);
  await client.put('/threads/current', { thread_id: id });
  await client.post(`/threads/${id}/messages`, { role: 'user', content: name }, { 'idempotency-key': `key-${name}` });
  await client.post('/sessions/s1/messages', { role: 'user', content: `A session of ${name}` });
  await client.post(`/threads/${id}/summaries`, { start_turn: 0, end_turn: 2, content: `${name} said hello` });
  await client.put('/memory/name', { value: name });
  await client.put('/memory/name', { value: `${name} again` });
  await client.put('/memory/topic', { value: name, session_id: 's1' });
  return id;
}

describe('Erasure', () => {
  let app: TestApp;
  let admin: Client;

  beforeEach(async () => {
    app = await startTestApp();
    admin = await app.as('acme', 'root', 'admin');
  });

  afterEach(() => app.close());

  const tables = async (): Promise<string[]> => {
    const { rows } = await app.db.query(`
      SELECT table_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name = 'org_id' ORDER BY 1`);
    return rows.map(({ name }) => name);
  };

  /** Every row in which a text stands, in any table of an organization. */
  const traces = async (orgId: string, text: string): Promise<string[]> => {
    const found = await Promise.all(
      (await tables()).map(async (table) => {
        const { rows } = await app.db.query(
          `SELECT x::text AS row FROM ${table} x WHERE org_id = $1 AND strpos(x::text, $2) > 0`,
          [orgId, text],
        );
        return rows.map(({ row }) => `${table}: ${row}`);
      }),
    );
    return found.flat();
  };

  /** One hash a table, over the rows of an organization that do not belong to a user. */
  const hashes = async (orgId: string, exceptUser = ''): Promise<Record<string, unknown>> => {
    const entries = await Promise.all(
      (await tables())
        .filter((table) => table !== 'erasures')
        .map(async (table) => {
          const { rows } = await app.db.query(
            `SELECT count(*), md5(string_agg(y, '' ORDER BY y))
             FROM ${table} x, LATERAL (SELECT (to_jsonb(x) - 'last_used_at')::text AS y) y
             WHERE org_id = $1 AND ($2 = '' OR strpos(x::text, $2) = 0)`,
            [orgId, exceptUser],
          );
          return [table, rows[0]] as const;
        }),
    );
    return Object.fromEntries(entries);
  };

  it('knows every table that holds anything of a tenant', async () => {
    expect([...new Set(ERASURE_STEPS.map(({ table }) => table))].sort()).toEqual(await tables());
  });

  it('erases a user, tells how many rows of which table it was, and leaves everybody else alone', async () => {
    const threads: Record<string, string> = {};
    for (const [org, user] of [
      ['acme', 'alice'],
      ['acme', 'bob'],
      ['globex', 'alice'],
    ])
      threads[`${org}/${user}`] = await live(await app.as(org, user), user);
    // Alice in rows that are not hers: as a sender, as who saved another's memory, in a kept answer.
    const service = await app.as('acme', 'bob', 'service');
    await service.addMessage(threads['acme/bob'], { role: 'user', content: 'Hi', sender_id: 'alice' });
    const before = { others: await hashes('acme', 'alice'), globex: await hashes('globex') };
    expect(await traces('acme', 'alice')).not.toEqual([]);

    const receipt = await admin.post('/erasures', { user_id: 'alice' });
    expect(receipt.status).toBe(201);
    expect(receipt.body).toMatchObject({
      ...{ subject: 'user', status: 'done', requested_by: 'root' },
      rows: {
        ...{ messages: 4, threads: 2, sessions: 1, current_threads: 1, memories: 2, memory_versions: 3, users: 1 },
        ...{ idempotency_keys: 1, api_keys: 1, 'messages.sender_id': 1, summaries: 1 },
      },
      total: 18,
      finished_at: expect.any(String),
    });

    expect(await traces('acme', 'alice')).toEqual([]);
    expect(await traces('acme', threads['acme/alice'])).toEqual([]);
    const after = { others: await hashes('acme', 'alice'), globex: await hashes('globex') };
    expect(after.globex).toEqual(before.globex);
    const { messages, ...rest } = after.others;
    const { messages: _, ...unchanged } = before.others;
    expect(rest).toEqual(unchanged);
    // Bob's message stays, without the name of its sender.
    expect(messages).toMatchObject({ count: 5 });
    expect((await (await app.as('acme', 'bob')).get(`/threads/${threads['acme/bob']}/messages`)).body.total).toBe(4);

    const { body: kept } = await admin.get(`/erasures/${receipt.body.id}`);
    expect(kept).toEqual(receipt.body);
    expect((await admin.get('/erasures')).body.data).toEqual([kept]);
    expect((await admin.post('/erasures', { user_id: 'alice' })).body).toMatchObject({ rows: {}, total: 0 });
  });

  it('A01 unnames the user in what they wrote in threads of others, in the trash and in copies too', async () => {
    const [alice, bob] = [await app.as('acme', 'alice'), await app.as('acme', 'bob')];
    const stranger = await app.as('globex', 'alice');
    await stranger.addMessage((await stranger.createThread()).id);
    const { id } = await bob.createThread('Shared');
    const ids = (
      await bob.addMessages(
        id,
        [1, 2].map((n) => ({ role: 'user', content: `Mine ${n}` })),
      )
    ).map((m) => m.id);
    await shareThread(app, id, 'alice', 'write');
    await alice.addMessage(id, 'Kept');
    const named = await bob.addMessage(id, 'Kept, too');
    const { id: trashed } = await alice.addMessage(id, { role: 'user', content: 'Trashed', sender_id: 'alice' });
    await bob.delete(`/messages/${trashed}`);
    const copy = (await bob.post(`/threads/${id}/fork`)).body.id;
    const key = { 'idempotency-key': 'undone' };
    await bob.post(`/threads/${copy}/undo`, { turns: 4 }, key);
    await bob.post(`/threads/${copy}/redo`);
    const { rows } = (await admin.post('/erasures', { user_id: 'alice' })).body;
    expect(rows).toMatchObject({
      ...{ 'messages.created_by': 2, 'deleted_messages.created_by': 1, 'deleted_messages.sender_id': 1 },
      ...{ message_authors: 2, idempotency_keys: 1 },
    });
    expect(await traces('acme', 'alice')).toEqual([]);
    for (const thread of [id, copy]) {
      const { data } = (await bob.get(`/threads/${thread}/messages`)).body;
      expect(data.map(({ created_by }: any) => created_by)).toEqual(['bob', 'bob', null, 'bob']);
      expect(data[2]).toMatchObject({ content: { text: 'Kept' }, created_by: null, created_via: null });
      expect(data[3].created_via).toBe(named.created_via);
    }
    expect((await bob.post(`/messages/${trashed}/restore`)).body).toMatchObject({ created_by: null, sender_id: null });
    expect((await bob.get(`/messages/${ids[0]}`)).body.created_by).toBe('bob');
    expect((await traces('globex', 'alice')).length).toBeGreaterThan(1);
  });

  it("kills the user's keys on every instance before it removes anything", async () => {
    const second = await app.second();
    const alice = await app.as('acme', 'alice');
    await live(alice, 'alice');
    expect((await alice.at(second.url).get('/threads')).status).toBe(200);
    await admin.post('/erasures', { user_id: 'alice' });
    for (const url of [app.url, second.url]) expectProblem(await alice.at(url).get('/threads'), 401);
  });

  it('erases an organization, its keys and its own receipts', async () => {
    await live(await app.as('acme', 'alice'), 'alice');
    await live(await app.as('globex', 'alice'), 'alice');
    await admin.post('/erasures', { user_id: 'nobody' });
    const before = await hashes('globex');
    const receipt = await admin.post('/erasures', { org_id: 'acme' });
    expect(receipt.status).toBe(201);
    expect(receipt.body).toMatchObject({ subject: 'organization', status: 'done', rows: { messages: 4, api_keys: 2 } });
    expect(await traces('acme', 'acme')).toEqual([]);
    const { rows } = await app.db.query(`SELECT id FROM organizations ORDER BY id`);
    expect(rows).toEqual([{ id: 'globex' }]);
    expect(await hashes('globex')).toEqual(before);
    expectProblem(await admin.get('/erasures'), 401);
  });

  it('is for admins, and for their own organization', async () => {
    await live(await app.as('acme', 'alice'), 'alice');
    for (const role of ['member', 'service'] as const) {
      const client = await app.as('acme', 'alice', role);
      expectProblem(await client.post('/erasures', { user_id: 'alice' }), 403);
    }
    const stranger = await app.as('globex', 'root', 'admin');
    expect((await stranger.post('/erasures', { user_id: 'alice' })).body.total).toBe(0);
    expectProblem(await stranger.post('/erasures', { org_id: 'acme' }), 400, 'ERASURE_SUBJECT');
    expect((await (await app.as('acme', 'alice')).get('/threads')).body.data).toHaveLength(2);
    for (const body of [{}, { user_id: 'alice', org_id: 'acme' }, { org_id: '' }, { user_id: 'a'.repeat(300) }]) {
      expectProblem(await admin.post('/erasures', body), 400);
    }
    const { body } = await admin.post('/erasures', { user_id: 'nobody' });
    expectProblem(await stranger.get(`/erasures/${body.id}`), 404, 'ERASURE_NOT_FOUND');
    expectProblem(await stranger.delete(`/erasures/${body.id}`), 404, 'ERASURE_NOT_FOUND');
    expect((await admin.delete(`/erasures/${body.id}`)).body).toEqual({ deleted: true, id: body.id });
    expectProblem(await admin.get(`/erasures/${body.id}`), 404, 'ERASURE_NOT_FOUND');
  });

  it('happens once for an Idempotency-Key', async () => {
    await live(await app.as('acme', 'alice'), 'alice');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => admin.post('/erasures', { user_id: 'alice' }, { 'idempotency-key': 'once' })),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const { body } = await admin.get(`/erasures/${answers[0].body.id}`);
    expect(body).toMatchObject({ status: 'done', rows: { messages: 4, threads: 2 } });
  });

  it('goes on where it broke off, in batches, and counts each row once also when two work at it', async () => {
    const alice = await app.as('acme', 'alice');
    const { id } = await alice.createThread('Long');
    await app.db.query(
      `INSERT INTO messages (org_id, thread_id, seq, id, role, created_at, updated_at)
       SELECT 'acme', $1, n, gen_random_uuid(), 'user', now(), now() FROM generate_series(1, 9000) n`,
      [id],
    );
    const erasure = '019a0000-0000-7000-8000-000000000001';
    await app.db.query(`INSERT INTO erasures (org_id, id, subject, user_id) VALUES ('acme', $1, 'user', 'alice')`, [
      erasure,
    ]);
    const second = await app.second();
    const workers = [app, second].map(({ app: nest }) => nest.get(ErasureWorkerService, { strict: false }));
    await Promise.all(workers.map((worker) => worker.run('acme', erasure)));
    const { body } = await admin.get(`/erasures/${erasure}`);
    expect(body).toMatchObject({ status: 'done', rows: { messages: 9000, threads: 1, users: 1 } });
    expect(await traces('acme', 'alice')).toEqual([]);
  });

  it('is taken up by the schedule when its server is gone', async () => {
    await live(await app.as('acme', 'alice'), 'alice');
    const erasure = '019a0000-0000-7000-8000-000000000002';
    await app.db.query(
      `INSERT INTO erasures (org_id, id, subject, user_id, updated_at)
       VALUES ('acme', $1, 'user', 'alice', now() - interval '1 hour')`,
      [erasure],
    );
    await app.second({ CLEANUP_ENABLED: 'true', CLEANUP_CRON: '* * * * * *' });
    for (let tries = 0; tries < 600 && (await traces('acme', 'alice')).length > 0; tries += 1) await sleep(100);
    expect((await admin.get(`/erasures/${erasure}`)).body).toMatchObject({ status: 'done', rows: { messages: 4 } });
  });
});
