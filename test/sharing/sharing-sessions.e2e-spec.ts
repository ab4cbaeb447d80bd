import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

const HELLO = { role: 'user', content: 'Hello' };

describe('Sharing of sessions', () => {
  const { app, alice, bob, admin } = world();
  let id: string;

  beforeEach(async () => {
    id = `s-${randomUUID()}`;
    const settings = { title: 'Trip', metadata: { project: 'travel' }, variables: { secret: 'of-alice' } };
    await alice.post('/sessions', { session_id: id, system_prompt: 'Be brief.', ...settings });
    await alice.post(`/sessions/${id}/messages`, { messages: [HELLO, { role: 'assistant', content: 'Hi' }] });
  });

  const share = (body: object, client = alice) => client.post(`/sessions/${id}/shares`, body);
  const OF_ALICE = { owner_id: 'alice' };
  const of = (client: Client, route = '', query: object = {}) =>
    client.get(`/sessions/${id}${route}`, { query: { ...OF_ALICE, ...query } });
  const write = (client: Client, route = '/messages', body: unknown = HELLO) =>
    client.send('POST', `/sessions/${id}${route}`, { query: OF_ALICE, body });
  const READS = ['', '/messages', '/history', '/context'];

  it('N37 shares a session: 404 before, then GET 200 and POST 403, then POST 201, and 404 after', async () => {
    const { thread_id } = (await alice.get(`/sessions/${id}`)).body;
    const expectNothing = async (client: Client) => {
      for (const route of READS) expectProblem(await of(client, route), 404, 'SESSION_NOT_FOUND');
      expectProblem(await write(client), 404, 'SESSION_NOT_FOUND');
      expectProblem(await write(client, '/context', {}), 404, 'SESSION_NOT_FOUND');
      expectProblem(await client.get(`/threads/${thread_id}`), 404, 'THREAD_NOT_FOUND');
    };
    await expectNothing(bob);
    const made = await share({ user_id: 'bob', permission: 'read' });
    expect([made.status, made.body.thread_id]).toEqual([201, thread_id]);
    for (const route of READS) expect([route, (await of(bob, route)).status]).toEqual([route, 200]);
    expect((await write(bob, '/context', { question: 'What?' })).status).toBe(200);
    expectProblem(await write(bob), 403, 'THREAD_NOT_WRITABLE');
    expect((await bob.get(`/threads/${thread_id}/messages`)).body.total).toBe(2);
    expect((await share({ user_id: 'bob', permission: 'write' })).status).toBe(200);
    expect((await write(bob)).status).toBe(201);
    expect((await bob.post(`/threads/${thread_id}/messages`, HELLO)).status).toBe(201);
    expect((await alice.get(`/sessions/${id}`)).body.message_count).toBe(4);
    expect((await alice.delete(`/sessions/${id}/shares/${made.body.id}`)).status).toBe(200);
    await expectNothing(bob);
    // The user of another organization, also of the recipient's name.
    await share({ user_id: 'bob', permission: 'write' });
    for (const role of ['member', 'admin'] as const) await expectNothing(await app.as('globex', 'bob', role));
    await expectNothing(await app.as('acme', 'carol'));
  });

  it('N37 C48 the share routes are for the own session, and show what the thread has', async () => {
    const made = (await share({ user_id: 'bob', permission: 'write' })).body;
    const link = (await share({ link: true, permission: 'read' })).body;
    const listed = await alice.get(`/sessions/${id}/shares`);
    expect(listed.body.data.map((row: any) => row.id)).toEqual([made.id, link.id]);
    expect((await alice.get(`/threads/${made.thread_id}/shares`)).body).toEqual(listed.body);
    const patched = await alice.patch(`/sessions/${id}/shares/${made.id}`, { permission: 'read' });
    expect(patched.body).toMatchObject({ id: made.id, permission: 'read' });
    for (const client of [bob, admin, await app.as('globex', 'alice')]) {
      expectProblem(await client.get(`/sessions/${id}/shares`), 404, 'SESSION_NOT_FOUND');
      expectProblem(await share({ user_id: 'carol', permission: 'read' }, client), 404, 'SESSION_NOT_FOUND');
      expectProblem(await client.delete(`/sessions/${id}/shares/${made.id}`), 404, 'SHARE_NOT_FOUND');
      expectProblem(await client.patch(`/sessions/${id}/shares/${made.id}`, { permission: 'write' }), 404);
    }
    // The share of another thread of the same owner.
    const other = await alice.createThread();
    expectProblem(await alice.delete(`/threads/${other.id}/shares/${made.id}`), 404, 'SHARE_NOT_FOUND');
    expectProblem(await alice.get('/sessions/unknown/shares'), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.post('/sessions/unknown/shares', { user_id: 'bob', permission: 'read' }), 404);
  });

  it("C48 a session id alone is the caller's own, whatever is shared under it", async () => {
    await share({ user_id: 'bob', permission: 'write' });
    expectProblem(await bob.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    expect((await bob.post(`/sessions/${id}/messages`, { role: 'user', content: "Bob's own" })).status).toBe(201);
    expect((await bob.get(`/sessions/${id}/messages`)).body).toMatchObject({ total: 1 });
    expect((await of(bob, '/messages')).body.total).toBe(2);
    expect((await alice.get(`/sessions/${id}/messages`)).body.total).toBe(2);
    // Naming oneself is naming nobody.
    const own = await bob.get(`/sessions/${id}/messages`, { query: { owner_id: 'bob' } });
    expect(own.body.data[0].content).toBe("Bob's own");
  });

  it('C48 routes that know the own session only refuse an owner, instead of taking it for the own one', async () => {
    await share({ user_id: 'bob', permission: 'write' });
    await bob.post(`/sessions/${id}/messages`, HELLO);
    const requests: [string, string, unknown?][] = [
      ['DELETE', ''],
      ['PATCH', '', { title: 'Mine' }],
      ['DELETE', '/messages'],
      ['GET', '/metadata'],
      ['GET', '/variables'],
      ['PUT', '/variables', { a: 1 }],
      ['GET', '/state'],
      ['GET', '/summaries'],
      ['POST', '/fork', {}],
      ['POST', '/truncate', { keep_last: 0 }],
      ['GET', '/shares'],
    ];
    for (const [method, route, body] of requests) {
      const answer = await bob.send(method, `/sessions/${id}${route}`, { query: OF_ALICE, body });
      expect([method, route, answer.status]).toEqual([method, route, 400]);
    }
    for (const client of [alice, bob]) expect((await client.get(`/sessions/${id}`)).status).toBe(200);
    expect((await bob.get(`/sessions/${id}`)).body.message_count).toBe(1);
  });

  it('C48 never makes a session for somebody else, nor wakes one', async () => {
    await share({ user_id: 'bob', permission: 'write' });
    const write404 = async () => {
      const sessions = async () => (await app.db.query('SELECT count(*) FROM sessions')).rows[0].count;
      const before = await sessions();
      expectProblem(await write(bob), 404, 'SESSION_NOT_FOUND');
      expect(await sessions()).toBe(before);
    };
    await app.db.query('UPDATE threads SET session_id = NULL WHERE session_id = $1', [id]);
    await write404();
    await alice.post(`/sessions/${id}/messages`, HELLO);
    expect((await write(bob)).status).toBe(201);
    await app.db.query(`UPDATE threads SET expires_at = now() - interval '1 s' WHERE session_id = $1`, [id]);
    await write404();
    await alice.delete(`/sessions/${id}`);
    await write404();
    expectProblem(await bob.send('POST', '/sessions/never/messages', { query: OF_ALICE, body: HELLO }), 404);
    // Made anew, it is another conversation, which nobody has shared.
    await alice.post(`/sessions/${id}/messages`, HELLO);
    await write404();
    expectProblem(await of(bob), 404, 'SESSION_NOT_FOUND');
  });

  it('C48 shows the conversation, and not what the owner works with', async () => {
    await share({ user_id: 'bob', permission: 'read' });
    const [whole, seen] = [(await alice.get(`/sessions/${id}`)).body, (await of(bob)).body];
    expect(seen).toEqual({ ...whole, variables: [], last_accessed_at: whole.updated_at });
    expect(whole.variables).toEqual(['secret']);
    expect((await of(admin)).body.variables).toEqual(['secret']);
    const [own, read] = [await alice.get(`/sessions/${id}/messages`), await of(bob, '/messages')];
    expect(read.body).toEqual(own.body);
    expect((await of(bob, '', { include: 'messages' })).body.messages).toEqual(own.body.data);
    expect((await of(bob, '/history')).body).toEqual((await alice.get(`/sessions/${id}/history`)).body);
    const asOf = { as_of: 1 };
    const earlier = (await alice.get(`/sessions/${id}/history`, { query: asOf })).body;
    expect((await of(bob, '/history', asOf)).body).toEqual(earlier);
    expect(earlier.total_turns).toBe(1);
    expect((await of(bob, '/messages', { last: 1 })).body.data).toHaveLength(1);
    for (const route of READS) expect((await of(bob, route)).text).not.toContain('of-alice');
  });

  it('C38 C48 memory stays with its user: a context for others has none of the owner', async () => {
    await share({ user_id: 'bob', permission: 'write' });
    await alice.put('/memory/city', { value: 'Kyoto-of-alice' });
    await alice.put('/memory/plan', { value: 'tea-of-alice', session_id: id });
    await bob.put('/memory/city', { value: 'Oslo-of-bob' });
    await bob.put('/memory/plan', { value: 'fish-of-bob', session_id: id });
    const query = { question: 'Where to?', facts: true };
    const own = await alice.get(`/sessions/${id}/context`, { query });
    for (const fact of ['Kyoto-of-alice', 'tea-of-alice']) expect(own.text).toContain(fact);
    const { thread_id } = own.body;
    for (const answer of [
      await of(bob, '/context', query),
      await write(bob, '/context', query),
      await bob.get(`/threads/${thread_id}/context`, { query }),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.text).not.toMatch(/of-alice|of-bob/);
      // The instructions are a part of the conversation: with them it goes on as it began.
      expect(answer.text).toContain('Be brief.');
      expect(answer.body.total).toBe(2);
    }
    expect((await of(bob, '/context')).body.session_id).toBe(id);
    expect((await bob.get('/memory', { query: { session_id: id } })).text).not.toContain('of-alice');
  });

  it('N37 C48 lists the sessions that others share', async () => {
    const dave = await app.as('acme', 'dave');
    const list = (query: object = {}) => dave.all('/sessions', { shared: true, ...query });
    expect(await list()).toEqual([]);
    await dave.post('/sessions', { session_id: id });
    const { thread_id, id: share_id } = (await share({ user_id: 'dave', permission: 'read' })).body;
    const [row, ...others] = await list();
    expect(others).toEqual([]);
    const expected = { session_id: id, thread_id, user_id: 'alice', permission: 'read', share_id, variables: [] };
    expect(row).toMatchObject(expected);
    expect(await list({ prefix: id })).toHaveLength(1);
    expect(await list({ prefix: 'other' })).toEqual([]);
    const page = await dave.get('/sessions', { query: { shared: true, include_total: true, sort_by: 'created_at' } });
    expect(page.body).toMatchObject({ total: 1, has_more: false });
    expectProblem(await dave.get('/sessions', { query: { shared: true, user_id: 'dave' } }), 400, 'BAD_REQUEST');
    expect((await dave.all('/sessions')).map((own) => own.user_id)).toEqual(['dave']);
    // A thread without a session is in the other list only.
    const thread = await alice.createThread();
    await alice.post(`/threads/${thread.id}/shares`, { user_id: 'dave', permission: 'read' });
    expect(await list()).toHaveLength(1);
    expect(await dave.all('/threads', { shared: true })).toHaveLength(2);
    expect((await dave.delete(`/shares/${share_id}`)).status).toBe(200);
    expect(await list()).toEqual([]);
  });

  it('C48 a read of others keeps no session alive, a write does', async () => {
    const ttl = await app.second({ SESSION_TTL_SECONDS: '3600' });
    await alice.patch(`/sessions/${id}`, { notebook_id: 'nb' });
    await share({ user_id: 'bob', permission: 'write' });
    const times = async () =>
      (
        await app.db.query(
          'SELECT expires_at, last_accessed_at FROM threads JOIN sessions s ON s.thread_id = threads.id WHERE s.id = $1',
          [id],
        )
      ).rows[0];
    const before = await times();
    for (const route of READS) await of(bob.at(ttl.url), route);
    expect(await times()).toEqual(before);
    await write(bob.at(ttl.url));
    expect((await times()).expires_at.getTime()).toBeGreaterThan(before.expires_at.getTime());
  });
});
