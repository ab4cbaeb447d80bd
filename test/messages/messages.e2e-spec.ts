import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('Messages', () => {
  const { app, alice, mallory, someone } = world();
  const eve = someone('eve', 'member', 'globex');
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object, client = alice) => client.post(`/threads/${threadId}/messages`, body);
  const list = async () => (await alice.get(`/threads/${threadId}/messages`)).body;
  const thread = async () => (await alice.get(`/threads/${threadId}`)).body;

  it('F16 F21 F22 U12 U130 answers 201 with the message; get and list answer the same object', async () => {
    const { status, body } = await post({ role: 'user', content: 'Hello, world!' });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(UUID),
      thread_id: threadId,
      chat_thread_id: threadId,
      seq: 1,
      role: 'user',
      sender_role: 'user',
      sender_id: null,
      created_by: 'alice',
      created_via: expect.any(String),
      content: { type: 'text', text: 'Hello, world!' },
      tool_calls: null,
      tool_call_id: null,
      name: null,
      metadata: {},
      token_count: 4,
      cost: 0,
      timestamp: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: body.created_at,
    });
    expect((await alice.get(`/messages/${body.id}`)).body).toEqual(body);
    expect((await list()).data).toEqual([body]);
  });

  it.each([
    ['F17 a text', 'hi', { type: 'text', text: 'hi' }],
    ['F17 an empty text', '', { type: 'text', text: '' }],
    ['F18 an object', { type: 'image', url: 'https://x.example/1.png' }, undefined],
    ['F18 an object of no type', { answer: 42, nested: { list: [1, null, 'x'] } }, undefined],
    [
      'F18 U50 parts',
      [
        { type: 'text', text: 'Look:' },
        { type: 'image_url', image_url: { url: 'u' } },
      ],
      undefined,
    ],
    ['F18 no parts', [], undefined],
  ])('%s is kept', async (_, content, stored) => {
    const { body } = await post({ role: 'user', content });
    expect(body.content).toEqual(stored ?? content);
    expect((await list()).data).toEqual([body]);
  });

  it('F19 metadata shows in content.metadata, and wins over the one in the content', async () => {
    const one = await post({ role: 'user', content: 'hi', metadata: { source: 'test' } });
    expect(one.body).toMatchObject({ content: { metadata: { source: 'test' } }, metadata: { source: 'test' } });
    const part = { type: 'text', text: 'hi', metadata: { source: 'part' } };
    expect((await post({ role: 'user', content: part })).body).toMatchObject({
      content: part,
      metadata: part.metadata,
    });
    const both = await post({ role: 'user', content: part, metadata: { source: 'body' } });
    expect(both.body).toMatchObject({ content: { text: 'hi', metadata: { source: 'body' } } });
    const empty = await post({ role: 'user', content: 'hi', metadata: {} });
    expect(empty.body.content).toEqual({ type: 'text', text: 'hi' });
    expect((await list()).data.slice(0, 3).map((message: any) => message.content.metadata.source)).toEqual([
      'test',
      'part',
      'body',
    ]);
  });

  it.each(['system', 'developer', 'user', 'assistant', 'tool'])('F20 S15 takes the role %s', async (role) => {
    const body = { role, content: 'x', ...(role === 'tool' && { tool_call_id: 'call_1' }) };
    expect(await post(body)).toMatchObject({ status: 201, body: { role, sender_role: role } });
  });

  it.each([['wizard'], ['User'], [''], [null], [1], [['user']], [undefined]])(
    'F20 S15 S23 refuses the role %p, and stores nothing',
    async (role) => {
      expectProblem(await post({ role, content: 'x' }), 400, 'VALIDATION_FAILED');
      expect((await list()).total).toBe(0);
    },
  );

  it('F20 takes sender_role for role, and refuses two that differ', async () => {
    expect((await post({ sender_role: 'user', content: 'x' })).body.role).toBe('user');
    expectProblem(await post({ role: 'user', sender_role: 'tool', content: 'x' }), 400, 'VALIDATION_FAILED');
  });

  it('F22 keeps the sender_id', async () => {
    const service = await app.as('acme', 'alice', 'service');
    expect((await service.addMessage(threadId, { role: 'user', content: 'x', sender_id: 'agent-7' })).sender_id).toBe(
      'agent-7',
    );
    expect((await post({ role: 'user', content: 'x', sender_id: null })).body.sender_id).toBeNull();
  });

  it('F23 writes to the current thread, reads it and clears it', async () => {
    expect((await alice.put('/threads/current', { thread_id: threadId })).status).toBe(200);
    const { body } = await alice.post('/messages', { role: 'user', content: 'x' });
    expect(body.thread_id).toBe(threadId);
    expect((await alice.get('/messages')).body).toEqual(await list());
    expect((await alice.delete('/messages')).body).toEqual({ cleared: 1 });
    expect((await list()).total).toBe(0);
  });

  it.each([
    ['POST', '/messages'],
    ['GET', '/messages'],
    ['DELETE', '/messages'],
    ['GET', '/threads/current/history'],
  ])('F24 %s %s without a current thread is 409, also when it was deleted', async (method, path) => {
    const nobody = await app.as('acme', `nobody-${randomUUID()}`);
    const options = method === 'POST' ? { body: { role: 'user', content: 'x' } } : {};
    const refuse = async () => {
      const answer = await nobody.send(method, path, options);
      expectProblem(answer, 409, 'NO_ACTIVE_THREAD');
      expect(answer.body.detail).toBe('No active thread. Create or set a thread first.');
    };
    await refuse();
    const { id } = await nobody.createThread();
    await nobody.put('/threads/current', { thread_id: id });
    await nobody.delete(`/threads/${id}`);
    await refuse();
  });

  it("F23 somebody else's thread does not become mine by being theirs", async () => {
    await alice.put('/threads/current', { thread_id: threadId });
    expectProblem(await mallory.put('/threads/current', { thread_id: threadId }), 404, 'THREAD_NOT_FOUND');
    expectProblem(await mallory.post('/messages', { role: 'user', content: 'x' }), 409, 'NO_ACTIVE_THREAD');
    expect((await list()).total).toBe(0);
  });

  it('F25 F28 U13 C10 C51 an unknown thread is 404 for reads and writes, and nothing is stored', async () => {
    const id = randomUUID();
    const answer = await alice.post(`/threads/${id}/messages`, { role: 'user', content: 'x' });
    expectProblem(answer, 404, 'THREAD_NOT_FOUND');
    expect(answer.body.detail).toMatch(/^Thread .* does not exist/);
    expectProblem(await alice.get(`/threads/${id}/messages`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.get(`/threads/${id}/history`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.delete(`/threads/${id}/messages`), 404, 'THREAD_NOT_FOUND');
    const { rows } = await app.db.query('SELECT 1 FROM messages WHERE thread_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  it('C51 erasing a thread takes its messages along; a later write is 404', async () => {
    const { id } = await alice.addMessage(threadId);
    await alice.delete(`/threads/${threadId}`, { query: { erase: true } });
    expectProblem(await alice.get(`/messages/${id}`), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await post({ role: 'user', content: 'late' }), 404, 'THREAD_NOT_FOUND');
    const { rows } = await app.db.query('SELECT 1 FROM messages WHERE thread_id = $1', [threadId]);
    expect(rows).toEqual([]);
  });

  it('F26 S11 C13 a message moves updated_at, a read does not; created_at stays', async () => {
    const before = await thread();
    await alice.addMessage(threadId);
    const after = await thread();
    expect(after.updated_at > before.updated_at).toBe(true);
    expect(after).toMatchObject({ created_at: before.created_at, version: before.version + 1 });
    await list();
    await alice.get(`/threads/${threadId}/history`);
    expect(await thread()).toEqual(after);
  });

  it('F28 S27 P52 an empty thread is an empty page', async () => {
    expect(await list()).toEqual({ data: [], has_more: false, next_cursor: null, total: 0, version: 1 });
  });

  it('F29 U15 U17c clears the messages and keeps the thread', async () => {
    for (const content of ['1', '2', '3']) await alice.addMessage(threadId, content);
    const clear = () => alice.delete(`/threads/${threadId}/messages`);
    expect(await clear()).toMatchObject({ status: 200, body: { cleared: 3 } });
    expect(await thread()).toMatchObject({ name: 'A thread', message_count: 0, token_count: 0, total_cost: 0 });
    expect((await list()).data).toEqual([]);
    const cleared = await thread();
    expect((await clear()).body).toEqual({ cleared: 0 });
    expect(await thread()).toEqual(cleared);
    expect((await alice.addMessage(threadId)).seq).toBe(4);
  });

  it('U17b reads a question and its answer in order', async () => {
    await post({ role: 'user', content: 'Question' });
    await post({ role: 'assistant', content: 'Answer' });
    expect((await list()).data.map((message: any) => message.role)).toEqual(['user', 'assistant']);
  });

  it("F16 F29 another user's thread and another organization's are 404, as if they were not there", async () => {
    const { id } = await alice.addMessage(threadId);
    for (const stranger of [mallory, eve]) {
      expectProblem(await post({ role: 'user', content: 'x' }, stranger), 404, 'THREAD_NOT_FOUND');
      expectProblem(await post({ messages: [] }, stranger), 404, 'THREAD_NOT_FOUND');
      expectProblem(await stranger.get(`/threads/${threadId}/messages`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await stranger.get(`/threads/${threadId}/history`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await stranger.delete(`/threads/${threadId}/messages`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await stranger.get(`/messages/${id}`), 404, 'MESSAGE_NOT_FOUND');
    }
    expect((await list()).total).toBe(1);
    expectProblem(await app.anonymous().get(`/messages/${id}`), 401);
  });

  it('C46 an id with a slash is one id, and no message', async () => {
    expectProblem(await alice.get('/messages/a%2Fb'), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await alice.get('/threads/a%2Fb/messages'), 404, 'THREAD_NOT_FOUND');
  });

  it('F72 malformed JSON is 400, lost connections are no 404, and the server stays up', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await alice.send('POST', `/threads/${threadId}/messages`, { raw: '{"role":', headers });
    expectProblem(answer, 400, 'INVALID_JSON');
    await app.db.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    const after = await Promise.all(Array.from({ length: 5 }, () => alice.get(`/threads/${threadId}/messages`)));
    expect(after.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    expect((await post({ role: 'user', content: 'still here' })).status).toBe(201);
  });
});
