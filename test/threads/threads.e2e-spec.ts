import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { type Client, expectProblem, type Response } from '../support/world/client';

describe('Threads', () => {
  const { app, alice, bob, someone } = world();
  const mallory = someone('alice', 'admin', 'globex');

  const stored = async (id: string): Promise<any> =>
    (await app.db.query('SELECT * FROM threads WHERE id = $1', [id])).rows[0];

  const messagesOf = async (id: string): Promise<number> =>
    (await app.db.query('SELECT count(*) AS n FROM messages WHERE thread_id = $1', [id])).rows[0].n;

  it('F01 F02 U05 creates a thread with every field', async () => {
    const response = await alice.post('/threads', { name: 'Test Thread', metadata: { project: 'travel' } });
    expect(response.status).toBe(201);
    expect(response.headers.etag).toBe('"1"');
    expect(response.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      ...{
        org_id: 'acme',
        user_id: 'alice',
        name: 'Test Thread',
        metadata: { project: 'travel' },
        status: 'active',
        auto_summarize: null,
        session_id: null,
        expires_at: null,
        parent_thread_id: null,
        fork_point: null,
      },
      ...{ message_count: 0, token_count: 0, total_cost: 0, version: 1, chat_messages: [] },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: response.body.created_at,
    });
  });

  it('F03 C41 takes the owner from the credentials, and refuses another one named by a member', async () => {
    const own = await alice.createThread('Own', { user_id: 'alice', org_id: 'acme' });
    expect(own).toMatchObject({ user_id: 'alice', org_id: 'acme' });
    expectProblem(await alice.post('/threads', { name: 'x', user_id: 'bob' }), 403, 'OTHER_USER');
    for (const client of [alice, await app.as('acme', 'root', 'admin'), await app.as('acme', 'alice', 'service')]) {
      expectProblem(await client.post('/threads', { name: 'x', org_id: 'globex' }), 403, 'OTHER_ORGANIZATION');
    }
    expect((await bob.get('/threads')).body.data).toEqual([]);
  });

  it('F03 C41 lets a service and an admin of the organization create for another user', async () => {
    for (const [role, user] of [
      ['service', 'carol'],
      ['admin', 'dave'],
    ] as const) {
      const { id } = await (await app.as('acme', 'root', role)).createThread('For you', { user_id: user });
      const owner = await app.as('acme', user);
      expect((await owner.get(`/threads/${id}`)).body.user_id).toBe(user);
      expect((await owner.get('/threads/current')).body.thread.id).toBe(id);
      expectProblem(await alice.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    }
  });

  it('F05 U06 shows a thread, on demand with its messages in order', async () => {
    const { id, chat_messages, ...thread } = await alice.createThread('Hotel');
    expect((await alice.get(`/threads/${id}`)).body).toEqual({ id, ...thread });
    const withMessages = () => alice.get(`/threads/${id}`, { query: { include: 'messages' } });
    expect((await withMessages()).body.chat_messages).toEqual(chat_messages);
    await alice.addMessage(id, 'one');
    await alice.addMessage(id, { role: 'assistant', content: 'two' });
    const { body } = await withMessages();
    expect(body.chat_messages.map((message: any) => message.content.text)).toEqual(['one', 'two']);
    expect(body.message_count).toBe(2);
    const query = { include: 'messages' };
    for (const stranger of [bob, mallory]) {
      expectProblem(await stranger.get(`/threads/${id}`, { query }), 404, 'THREAD_NOT_FOUND');
    }
    expectProblem(await alice.get(`/threads/${id}`, { query: { include: 'all' } }), 400, 'VALIDATION_FAILED');
  });

  it('F06 U07 X09 knows no other thread, and no id that is none', async () => {
    for (const id of [randomUUID(), 'nothing', '0', "'", '%20', '..%2F..', 'x'.repeat(255)]) {
      expectProblem(await alice.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await alice.patch(`/threads/${id}`, { name: 'x' }), 404, 'THREAD_NOT_FOUND');
      expectProblem(await alice.delete(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    }
    for (const id of ['%00', 'a%00b', '%0A', 'x'.repeat(256)]) {
      expectProblem(await alice.get(`/threads/${id}`), 400, 'INVALID_ID');
      expectProblem(await alice.delete(`/threads/${id}`), 400, 'INVALID_ID');
    }
    for (const thread_id of ['nothing', '\0', null, 7]) {
      expectProblem(await alice.put('/threads/current', { thread_id }), 400);
    }
  });

  it('F14 U09 C55 deletes a thread with its messages, and with erase=true for good', async () => {
    const { id } = await alice.createThread('Short-lived');
    const message = await alice.addMessage(id);
    for (const stranger of [bob, mallory]) expectProblem(await stranger.delete(`/threads/${id}`), 404);
    expect(await messagesOf(id)).toBe(1);
    const response = await alice.delete(`/threads/${id}`);
    expect([response.status, response.body]).toEqual([200, { deleted: true, id }]);
    expectProblem(await alice.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.get(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await alice.delete(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expect((await alice.delete(`/threads/${id}`, { query: { erase: true } })).status).toBe(200);
    expect([await stored(id), await messagesOf(id)]).toEqual([undefined, 0]);
  });

  it('F25 stores nothing in an unknown thread', async () => {
    const before = (await app.db.query('SELECT count(*) AS n FROM messages')).rows[0].n;
    const id = randomUUID();
    const response = await alice.post(`/threads/${id}/messages`, { role: 'user', content: 'lost' });
    expectProblem(response, 404, 'THREAD_NOT_FOUND');
    expect(response.body.detail).toContain(`Thread ${id} does not exist`);
    expect((await app.db.query('SELECT count(*) AS n FROM messages')).rows[0].n).toBe(before);
  });

  it('F68 trims names, and takes 1 to 255 characters', async () => {
    expect((await alice.createThread('  Tokyo \n')).name).toBe('Tokyo');
    expect((await alice.createThread('n'.repeat(255))).name).toHaveLength(255);
    expect((await alice.createThread(` ${'n'.repeat(255)} `)).name).toHaveLength(255);
    const { id } = await alice.createThread('Kept');
    const bad = ['', '   ', '\u00a0\t', 'n'.repeat(256), null, 7, ['x'], {}, 'a\0b', '\ud800'];
    for (const name of bad) {
      expectProblem(await alice.post('/threads', { name }), 400);
      expectProblem(await alice.patch(`/threads/${id}`, { name }), 400);
    }
    expectProblem(await alice.post('/threads', {}), 400, 'VALIDATION_FAILED');
    expectProblem(await alice.post('/threads'), 400, 'VALIDATION_FAILED');
    expect((await alice.get(`/threads/${id}`)).body).toMatchObject({ name: 'Kept', version: 1 });
  });

  it('F69 U08 renames a thread, which cannot move to another owner', async () => {
    const { id, updated_at } = await alice.createThread('Tokyo');
    const response = await alice.patch(`/threads/${id}`, { name: ' Updated Name ' });
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({ id, name: 'Updated Name', version: 2 });
    expect(response.body.updated_at > updated_at).toBe(true);
    for (const body of [{ user_id: 'bob' }, { org_id: 'globex' }, { id: randomUUID() }, { status: 'archived' }]) {
      expectProblem(await alice.patch(`/threads/${id}`, body), 400, 'VALIDATION_FAILED');
    }
    for (const stranger of [bob, mallory]) {
      expectProblem(await stranger.patch(`/threads/${id}`, { name: 'mine' }), 404, 'THREAD_NOT_FOUND');
    }
    expect(await stored(id)).toMatchObject({ name: 'Updated Name', user_id: 'alice', org_id: 'acme', version: 2 });
  });

  it('F66 C07 gives strangers the answer of an unknown id, on every route', async () => {
    const { id } = await alice.createThread('Private');
    const message = await alice.addMessage(id, 'secret');
    const before = await stored(id);
    const routes: ((client: Client, thread: string) => Promise<Response>)[] = [
      (client, thread) => client.get(`/threads/${thread}`),
      (client, thread) => client.patch(`/threads/${thread}`, { name: 'mine' }),
      (client, thread) => client.delete(`/threads/${thread}`),
      (client, thread) => client.post(`/threads/${thread}/archive`),
      (client, thread) => client.post(`/threads/${thread}/unarchive`),
      (client, thread) => client.put('/threads/current', { thread_id: thread }),
      (client, thread) => client.get(`/threads/${thread}/messages`),
      (client, thread) => client.get(`/threads/${thread}/history`),
      (client, thread) => client.post(`/threads/${thread}/messages`, { role: 'user', content: 'x' }),
      (client, thread) => client.delete(`/threads/${thread}/messages`),
    ];
    const strangers = [bob, mallory, await app.as('globex', 'alice'), await app.as('acme', 'bob', 'service')];
    for (const stranger of strangers) {
      for (const route of routes) {
        const random = randomUUID();
        const [theirs, unknown] = [await route(stranger, id), await route(stranger, random)];
        expectProblem(theirs, 404, 'THREAD_NOT_FOUND');
        const same = JSON.stringify({ ...unknown.body, request_id: '' }).replaceAll(random, id);
        expect(JSON.stringify({ ...theirs.body, request_id: '' })).toBe(same);
      }
      expect((await stranger.get('/threads')).text).not.toContain(id);
      expectProblem(await stranger.get(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
    }
    expect(await stored(id)).toEqual(before);
  });

  it('F66 lets an admin of the organization see and change it', async () => {
    const { id } = await alice.createThread('Supervised');
    const admin = await app.as('acme', 'root', 'admin');
    expect((await admin.get(`/threads/${id}`)).body.user_id).toBe('alice');
    expect((await admin.patch(`/threads/${id}`, { name: 'Seen' })).body).toMatchObject({
      name: 'Seen',
      user_id: 'alice',
    });
  });

  it('F67 takes ids such as addresses and slugs', async () => {
    for (const role of ['member', 'service'] as const) {
      const client = await app.as('org_blue-sky', 'user_a@b.com', role);
      const { id } = await client.createThread('Mail');
      expect((await client.get(`/threads/${id}`)).body).toMatchObject({
        user_id: 'user_a@b.com',
        org_id: 'org_blue-sky',
      });
    }
    const other = await app.as('org_blue-sky', 'user_a@b.co');
    expect((await other.get('/threads')).body.data).toEqual([]);
  });

  it('C42 creates with 201 and acts with 200', async () => {
    const created = await alice.post('/threads', { name: 'Codes' });
    const { id } = created.body;
    const statuses = [
      created.status,
      (await alice.post('/threads', { threads: [{ name: 'Codes' }] })).status,
      (await alice.put('/threads/current', { thread_id: id })).status,
      (await alice.patch(`/threads/${id}`, {})).status,
      (await alice.post(`/threads/${id}/archive`)).status,
      (await alice.post(`/threads/${id}/unarchive`)).status,
      (await alice.delete(`/threads/${id}`)).status,
    ];
    expect(statuses).toEqual([201, 201, 200, 200, 200, 200, 200]);
  });

  it('X06 refuses unknown fields and what is no object', async () => {
    for (const body of [{ name: 'x', nmae: 'y' }, { name: 'x', id: randomUUID() }, [], [{ name: 'x' }], 'x', 7]) {
      expectProblem(await alice.post('/threads', body), 400);
    }
    const raw = { raw: '{"name":', headers: { 'content-type': 'application/json' } };
    expectProblem(await alice.send('POST', '/threads', raw), 400, 'INVALID_JSON');
  });
});
