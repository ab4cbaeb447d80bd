import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';
import { shareThread } from '../support/world/shares';

let app: TestApp;
let alice: Client;
let strangers: Client[];

beforeAll(async () => {
  app = await startTestApp();
  alice = await app.as('acme', 'alice');
  strangers = [await app.as('acme', 'bob'), await app.as('globex', 'alice'), await app.as('globex', 'root', 'admin')];
});
afterAll(async () => {
  expect(await brokenCounters(app.db)).toEqual([]);
  expect(await threadsWithGaps(app.db)).toEqual([]);
  await app.close();
});

const thread = async (id: string): Promise<any> => (await alice.get(`/threads/${id}`)).body;
const count = async () => (await app.db.query('SELECT count(*)::int AS n FROM threads')).rows[0].n as number;

describe('Branching edits', () => {
  const branch = (id: string, body: object, client = alice, headers = {}) =>
    client.patch(`/messages/${id}?branch=true`, body, headers);
  const made = async () => {
    const source = await alice.createThread('Tokyo', { metadata: { a: 1 } });
    const tool_calls = [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"x": 1}' } }];
    const messages = await alice.addMessages(source.id, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Find a hotel', name: 'Ann', metadata: { keep: 1, drop: 2 }, cost: 0.5 },
      { role: 'assistant', content: null, tool_calls },
      { role: 'tool', tool_call_id: 'c1', name: 'find', content: '3 hotels' },
      { role: 'assistant', content: 'There are three.' },
    ]);
    return { source, messages };
  };

  it('F41 F42 edits a message in a copy of what was before it; the source stays as it is', async () => {
    const { source, messages } = await made();
    const before = [await thread(source.id), await alice.all(`/threads/${source.id}/messages`)];
    const body = { content: 'Find a hostel', metadata: { drop: null, more: 3 } };
    const answer = await branch(messages[1].id, body);
    expect(answer.status).toBe(201);
    const edited = answer.body;
    expect(edited).toMatchObject({ seq: 2, role: 'user', name: 'Ann', content: { text: 'Find a hostel' }, cost: 0.5 });
    expect(edited.metadata).toEqual({ keep: 1, more: 3 });
    expect(edited.id).not.toBe(messages[1].id);
    expect(answer.headers.location).toBe(`/api/threads/${edited.thread_id}`);
    const made_ = await thread(edited.thread_id);
    expect(made_).toMatchObject({ name: 'Tokyo', user_id: 'alice', message_count: 2, metadata: { a: 1 } });
    expect(made_).toMatchObject({ parent_thread_id: source.id, fork_point: 1, session_id: null });
    const copied = await alice.all(`/threads/${edited.thread_id}/messages`);
    expect(copied.map(({ content }) => content.text)).toEqual(['Be brief.', 'Find a hostel']);
    expect((await alice.get('/threads/current')).body.thread.id).toBe(edited.thread_id);
    expect([await thread(source.id), await alice.all(`/threads/${source.id}/messages`)]).toEqual(before);
    expect((await alice.get(`/messages/${messages[1].id}/revisions`)).body.data).toEqual([]);
  });

  it('F41 keeps what the edit does not name: role, call, results, content', async () => {
    const { messages } = await made();
    const result = (await branch(messages[3].id, { content: '4 hotels' })).body;
    expect(result).toMatchObject({
      seq: 4,
      role: 'tool',
      tool_call_id: 'c1',
      name: 'find',
      content: { text: '4 hotels' },
    });
    const calls = (await branch(messages[2].id, { metadata: { a: 1 } })).body;
    expect(calls).toMatchObject({ seq: 3, content: null, tool_calls: messages[2].tool_calls, metadata: { a: 1 } });
    expect(calls.token_count).toBe(messages[2].token_count);
    const first = (await branch(messages[0].id, { token_count: 7, cost: '0.25' })).body;
    expect(first).toMatchObject({ seq: 1, content: { text: 'Be brief.' }, token_count: 7, cost: 0.25 });
    expect(await thread(first.thread_id)).toMatchObject({ message_count: 1, fork_point: 0, token_count: 7 });
  });

  it('F41 checks the version and the edit; branch=false is a plain edit', async () => {
    const { source, messages } = await made();
    const { version } = await thread(source.id);
    const threads = await count();
    const { id } = messages[1];
    expectProblem(await branch(id, { content: 'x', expected_version: version - 1 }), 409, 'VERSION_CONFLICT');
    expectProblem(await branch(id, { content: 'x' }, alice, { 'if-match': '"1"' }), 412, 'PRECONDITION_FAILED');
    expectProblem(await branch(id, { content: null }), 400, 'VALIDATION_FAILED');
    expectProblem(await branch(id, { role: 'system' }), 400, 'VALIDATION_FAILED');
    expectProblem(await branch(id, { metadata: { big: 'x'.repeat(66_000) } }), 400);
    expectProblem(await alice.patch(`/messages/${id}?branch=yes`, { content: 'x' }), 400, 'VALIDATION_FAILED');
    expect(await count()).toBe(threads);
    const plain = await alice.patch(`/messages/${id}?branch=false`, { content: 'x' });
    expect(plain).toMatchObject({ status: 200, body: { id, thread_id: source.id } });
    expect(plain.headers.location).toBeUndefined();
  });

  it('F41 a retry branches once', async () => {
    const { messages } = await made();
    const threads = await count();
    const headers = { 'idempotency-key': randomUUID() };
    const retry = () => branch(messages[4].id, { content: 'x' }, alice, headers);
    const answers = await Promise.all([retry(), retry(), retry()]);
    for (const { status, body, headers: sent } of answers) {
      expect({ status, body, at: sent.location }).toEqual({
        status: 201,
        body: answers[0].body,
        at: answers[0].headers.location,
      });
    }
    expect(await count()).toBe(threads + 1);
    expectProblem(await branch(messages[4].id, { content: 'y' }, alice, headers), 422, 'IDEMPOTENCY_KEY_REUSED');
  });

  it('F41 is nothing for strangers; a reader gets a thread of their own', async () => {
    const { source, messages } = await made();
    const threads = await count();
    for (const client of strangers)
      expectProblem(await branch(messages[1].id, { content: 'x' }, client), 404, 'MESSAGE_NOT_FOUND');
    for (const id of [randomUUID(), 'no-uuid']) expectProblem(await branch(id, {}), 404, 'MESSAGE_NOT_FOUND');
    expect(await count()).toBe(threads);
    await shareThread(app, source.id, 'reader');
    const reader = await app.as('acme', 'reader');
    expectProblem(await reader.patch(`/messages/${messages[1].id}`, { content: 'x' }), 403, 'THREAD_NOT_WRITABLE');
    const { thread_id } = (await branch(messages[1].id, { content: 'x' }, reader)).body;
    expect((await reader.get(`/threads/${thread_id}`)).body).toMatchObject({ user_id: 'reader', message_count: 2 });
    expectProblem(await alice.get(`/threads/${thread_id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('F41 N35 branches off a session into a plain thread', async () => {
    const id = randomUUID();
    await alice.post('/sessions', { session_id: id });
    const messages = [1, 2].map((n) => ({ role: 'user', content: `${n}` }));
    const { data } = (await alice.post(`/sessions/${id}/messages`, { messages })).body;
    const { body } = await branch(data[1].id, { content: 'two' });
    const { thread_id } = (await alice.get(`/sessions/${id}`)).body;
    expect(await thread(body.thread_id)).toMatchObject({ session_id: null, parent_thread_id: thread_id });
    expect((await alice.get(`/sessions/${id}`)).body.message_count).toBe(2);
  });
});

describe('The tree of forks', () => {
  const tree = async (id: string, client = alice): Promise<any> => (await client.get(`/threads/${id}/forks`)).body;
  const fork = async (id: string, name: string, client = alice): Promise<string> =>
    (await client.post(`/threads/${id}/fork`, { name })).body.id;
  const names = ({ name, children }: any): any => [name, children.map(names)];

  it('F41 shows forks and their forks, with where they come from', async () => {
    const { id } = await alice.createThread('root');
    await alice.addMessage(id, 'x');
    const [one, two] = [await fork(id, 'one'), await fork(id, 'two')];
    const deep = await fork(one, 'deep');
    const message = await alice.addMessage(two, 'y');
    const edited = (await alice.patch(`/messages/${message.id}?branch=true`, { content: 'z' })).body.thread_id;
    const shown = await tree(id);
    expect(names(shown)).toEqual([
      'root',
      [
        ['one', [['deep', []]]],
        ['two', [['two', []]]],
      ],
    ]);
    expect(shown).toMatchObject({ thread_id: id, parent_thread_id: null, fork_point: null, has_more: false });
    const { created_at } = await thread(deep);
    expect(shown.children[0].children[0]).toEqual({
      ...{ thread_id: deep, name: 'deep', session_id: null, parent_thread_id: one, fork_point: 1 },
      ...{ created_at, children: [] },
    });
    expect(shown.children[1].children[0]).toMatchObject({ thread_id: edited, parent_thread_id: two });
    expect(names(await tree(one))).toEqual(['one', [['deep', []]]]);
    expect((await tree(deep)).parent_thread_id).toBe(one);
  });

  it('N35 shows the sessions on them', async () => {
    const [id, copy] = [randomUUID(), randomUUID()];
    await alice.post('/sessions', { session_id: id });
    await alice.post(`/sessions/${id}/messages`, { role: 'user', content: 'x' });
    await alice.post(`/sessions/${id}/branch`, { new_session_id: copy });
    const { thread_id } = (await alice.get(`/sessions/${id}`)).body;
    expect(await tree(thread_id)).toMatchObject({ session_id: id, children: [{ session_id: copy }] });
  });

  it("F41 has neither others' forks nor those in the trash", async () => {
    const { id } = await alice.createThread('root');
    const admin = await app.as('acme', 'root', 'admin');
    const [kept, gone] = [await fork(id, 'kept'), await fork(id, 'gone')];
    await fork(gone, 'below');
    await fork(id, "the admin's", admin);
    await shareThread(app, id, 'reader');
    const reader = await app.as('acme', 'reader');
    await fork(id, "the reader's", reader);
    await alice.delete(`/threads/${gone}`);
    expect(names(await tree(id))).toEqual(['root', [['kept', []]]]);
    expect(names(await tree(id, reader))).toEqual(['root', [["the reader's", []]]]);
    expect((await tree(id, admin)).children).toHaveLength(3);
    await alice.post(`/threads/${gone}/restore`);
    expect(names(await tree(id))[1]).toEqual([
      ['kept', []],
      ['gone', [['below', []]]],
    ]);
    for (const client of strangers) {
      expectProblem(await client.get(`/threads/${id}/forks`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.get(`/threads/${kept}/forks`), 404, 'THREAD_NOT_FOUND');
    }
    expectProblem(await alice.get('/threads/no-uuid/forks'), 404, 'THREAD_NOT_FOUND');
  });

  it('F41 is bounded: 1000 threads, 50 levels, and says that there is more', async () => {
    const plant = (rows: string, values: unknown[]) =>
      app.db.query(
        `INSERT INTO threads (org_id, id, user_id, name, forked_from_thread_id, forked_from_seq)
         SELECT 'acme', x.id, 'alice', 'x', x.parent, 0 FROM (${rows}) x(id, parent)`,
        values,
      );
    const wide = (await alice.createThread('wide')).id;
    await plant('SELECT gen_random_uuid(), $1::uuid FROM generate_series(1, 999)', [wide]);
    expect(await tree(wide)).toMatchObject({ has_more: false, children: { length: 999 } });
    await plant('SELECT gen_random_uuid(), $1::uuid', [wide]);
    expect(await tree(wide)).toMatchObject({ has_more: true, children: { length: 999 } });
    const deep = (await alice.createThread('deep')).id;
    const chain = [deep, ...Array.from({ length: 51 }, () => randomUUID())];
    const links = (from: number, to: number) =>
      plant('SELECT * FROM unnest($1::uuid[], $2::uuid[])', [chain.slice(from, to), chain.slice(from - 1, to - 1)]);
    await links(1, 51);
    const depth = (node: any): number => (node.children.length === 0 ? 0 : 1 + depth(node.children[0]));
    let shown = await tree(deep);
    expect([depth(shown), shown.has_more]).toEqual([50, false]);
    await links(51, 52);
    shown = await tree(deep);
    expect([depth(shown), shown.has_more]).toEqual([50, true]);
  });
});
