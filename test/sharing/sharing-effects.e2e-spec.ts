import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CleanupService } from '../../src/cleanup/cleanup.service';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';
import { callTool, connectMcp, expectToolError } from '../support/world/mcp';

const HELLO = { role: 'user', content: 'Hello' };

describe('What follows from sharing', () => {
  const { app, alice, bob } = world();

  const shared = async (permission: 'read' | 'write', fields: object = {}) => {
    const { id } = await alice.createThread('Tokyo', fields);
    await alice.addMessages(id, [HELLO, { role: 'assistant', content: 'Hi' }]);
    const { body } = await alice.post(`/threads/${id}/shares`, { user_id: 'bob', permission });
    return { id, shareId: body.id as string };
  };

  const until = async (condition: () => Promise<boolean>) => {
    for (let tries = 0; !(await condition()); tries += 1) {
      if (tries === 600) throw new Error('It did not happen within a minute');
      await sleep(100);
    }
  };

  const countOf = async (id: string): Promise<number> =>
    (await app.db.query('SELECT count(*) FROM messages WHERE thread_id = $1', [id])).rows[0].count;

  it("C38 C48 a fork by a recipient is the recipient's own, and nobody else's", async () => {
    const { id } = await shared('read');
    const fork = (await bob.post(`/threads/${id}/fork`, {})).body;
    expect(fork).toMatchObject({ user_id: 'bob', parent_thread_id: id, message_count: 2 });
    expect((await bob.get(`/threads/${fork.id}/shares`)).body.data).toEqual([]);
    expectProblem(await alice.get(`/threads/${fork.id}`), 404, 'THREAD_NOT_FOUND');
    expect((await bob.post(`/threads/${fork.id}/messages`, HELLO)).status).toBe(201);
    expect(await countOf(id)).toBe(2);
    // A fork of the owner's is not shared either.
    const own = (await alice.post(`/threads/${id}/fork`, {})).body;
    expectProblem(await bob.get(`/threads/${own.id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 in the trash a thread is out of sight of those with whom it is shared, and comes back to them', async () => {
    const { id, shareId } = await shared('write');
    expect((await alice.delete(`/threads/${id}`)).status).toBe(200);
    expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await bob.post(`/threads/${id}/messages`, HELLO), 404, 'THREAD_NOT_FOUND');
    expectProblem(await bob.post(`/threads/${id}/restore`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.get(`/threads/${id}/shares`), 404, 'THREAD_NOT_FOUND');
    expect((await alice.post(`/threads/${id}/restore`)).status).toBe(200);
    expect((await bob.post(`/threads/${id}/messages`, HELLO)).status).toBe(201);
    // Who leaves may do so from a thread that is in the trash.
    await alice.delete(`/threads/${id}`);
    expect((await bob.delete(`/shares/${shareId}`)).status).toBe(200);
    await alice.post(`/threads/${id}/restore`);
    expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
  });

  it('C48 a writer may work in a shared thread as the current one, a reader may not', async () => {
    const own = await bob.createThread('Own');
    const read = await shared('read');
    expectProblem(await bob.put('/threads/current', { thread_id: read.id }), 403, 'THREAD_NOT_WRITABLE');
    expect((await bob.get('/threads/current')).body.thread.id).toBe(own.id);
    const { id, shareId } = await shared('write');
    expect((await bob.put('/threads/current', { thread_id: id })).body.thread.id).toBe(id);
    expect((await bob.post('/messages', HELLO)).body.thread_id).toBe(id);
    expectProblem(await bob.delete('/threads/current'), 403, 'THREAD_NOT_WRITABLE');
    await alice.patch(`/threads/${id}/shares/${shareId}`, { permission: 'read' });
    expectProblem(await bob.post('/messages', HELLO), 403, 'THREAD_NOT_WRITABLE');
    await alice.delete(`/threads/${id}/shares/${shareId}`);
    expect((await bob.get('/threads/current')).body).toEqual({ thread: null });
    expectProblem(await bob.post('/messages', HELLO), 409, 'NO_ACTIVE_THREAD');
    expect((await alice.get('/threads/current')).body.thread.user_id).toBe('alice');
  });

  it("C48 a recipient's message is stored as it was sent, once, and summarised as the thread says", async () => {
    const { id } = await shared('write', { auto_summarize: { threshold: 2, batch_size: 2 } });
    const message = { id: randomUUID(), role: 'user', content: 'From Bob', sender_id: 'bob' };
    const [first, again] = [
      await bob.post(`/threads/${id}/messages`, message),
      await bob.post(`/threads/${id}/messages`, message),
    ];
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual(first.body);
    expect((await alice.get(`/messages/${message.id}`)).body).toMatchObject({ seq: 3, sender_id: 'bob' });
    expect((await bob.post(`/threads/${id}/messages`, HELLO)).body.sender_id).toBeNull();
    await until(async () => (await alice.get(`/threads/${id}/summaries`)).body.data.length === 2);
    expect((await bob.get(`/threads/${id}/summaries`)).body).toEqual(
      (await alice.get(`/threads/${id}/summaries`)).body,
    );
  });

  it("C48 an agent's turn and a saved state are for the own session, whatever is shared", async () => {
    const session = `s-${randomUUID()}`;
    await alice.post(`/sessions/${session}/messages`, HELLO);
    await alice.post(`/sessions/${session}/shares`, { user_id: 'bob', permission: 'write' });
    expect(
      (await bob.post('/agent/quick', { query: 'Hi', context: { notebook_id: 'nb', session_id: session } })).status,
    ).toBe(200);
    expectProblem(await (await app.as('acme', 'carol')).get(`/sessions/${session}/state`), 404, 'SESSION_NOT_FOUND');
    expect((await alice.get(`/sessions/${session}`)).body.message_count).toBe(1);
    expect((await bob.get(`/sessions/${session}`)).body.user_id).toBe('bob');
  });

  it('C48 MCP reads and writes shared threads by their ids, and lists the own ones only', async () => {
    const [read, written] = [await shared('read'), await shared('write')];
    const client = await connectMcp(app.url, bob);
    try {
      const context = await callTool(client, 'get_context', { thread_id: read.id });
      expect(context).toMatchObject({ thread_id: read.id, total: 2 });
      const input = { messages: [{ id: randomUUID(), role: 'user', content: 'By a model' }] };
      await expectToolError(client, 'append_messages', { thread_id: read.id, ...input }, 'THREAD_NOT_WRITABLE');
      expect(await callTool(client, 'append_messages', { thread_id: written.id, ...input })).toMatchObject({
        total: 3,
      });
      const { contents } = await client.readResource({ uri: `throughline://threads/${read.id}` });
      expect(JSON.stringify(contents)).toContain('Hello');
      expect(JSON.stringify(await client.listResources())).not.toContain(read.id);
      await alice.delete(`/threads/${read.id}/shares/${read.shareId}`);
      await expectToolError(client, 'get_context', { thread_id: read.id }, 'THREAD_NOT_FOUND');
    } finally {
      await client.close();
    }
  });

  it('C48 the cleanup removes shares that have expired, with links what was accepted, and no others', async () => {
    const made = async (org: string) => {
      const owner = await app.as(org, 'alice');
      const { id } = await owner.createThread();
      const share = async (body: object) => (await owner.post(`/threads/${id}/shares`, body)).body;
      const link = await share({ link: true, permission: 'read' });
      await (await app.as(org, 'bob')).post('/shares/accept', { token: link.token });
      await share({ user_id: 'carol', permission: 'read', expires_in_seconds: 3600 });
      await share({ user_id: 'dora', permission: 'read' });
      await share({ user_id: 'erin', permission: 'read' });
      await app.db.query(
        `UPDATE shares SET expires_at = now() - interval '1 s'
         WHERE thread_id = $1 AND (id = $2 OR link_id = $2 OR user_id = 'erin')`,
        [id, link.id],
      );
      return id;
    };
    const left = async (id: string) =>
      (await app.db.query('SELECT user_id FROM shares WHERE thread_id = $1 ORDER BY 1', [id])).rows.map(
        (row) => row.user_id,
      );
    const [ours, theirs] = [await made('tidy'), await made('untidy')];
    const answer = await (await app.as('tidy', 'root', 'admin')).post('/admin/cleanup');
    expect(answer.body).toMatchObject({ deleted: 0 });
    expect(answer.body.expired_shares).toBeGreaterThanOrEqual(2);
    expect(await left(ours)).toEqual(['carol', 'dora']);
    expect(await left(theirs)).toHaveLength(5);
    expect((await app.app.get(CleanupService, { strict: false }).run()).expired_shares).toBeGreaterThanOrEqual(2);
    expect(await left(theirs)).toEqual(['carol', 'dora']);
  });

  it('C48 erasing a recipient, or an owner, removes their shares and leaves those of others', async () => {
    const admin = await app.as('erase', 'root', 'admin');
    const [owner, reader, third] = await Promise.all(['owner', 'reader', 'third'].map((user) => app.as('erase', user)));
    const { id } = await owner.createThread();
    const own = await third.createThread();
    const share = (client: Client, thread: string, body: object, headers = {}) =>
      client.post(`/threads/${thread}/shares`, body, headers);
    const key = { 'idempotency-key': 'share' };
    await share(owner, id, { user_id: 'reader', permission: 'write' }, key);
    const link = (await share(owner, id, { link: true, permission: 'read' })).body;
    for (const client of [reader, third]) await client.post('/shares/accept', { token: link.token });
    await share(admin, own.id, { user_id: 'owner', permission: 'read' });
    const sharesOf = async () =>
      (await app.db.query(`SELECT s::text AS row FROM shares s WHERE org_id = 'erase'`)).rows;
    const namesOf = async (name: string) => (await sharesOf()).filter(({ row }) => row.includes(name));
    const kept = async () =>
      (await app.db.query(`SELECT response::text AS row FROM idempotency_keys WHERE org_id = 'erase'`)).rows;
    expect(await sharesOf()).toHaveLength(5);
    expect(await kept()).toHaveLength(1);
    const receipt = await admin.post('/erasures', { user_id: 'reader' });
    expect(receipt.body).toMatchObject({ status: 'done', rows: { shares: 2 } });
    expect(await namesOf('reader')).toEqual([]);
    expect(await sharesOf()).toHaveLength(3);
    expect(await kept()).toEqual([]);
    expect((await third.get(`/threads/${id}`)).status).toBe(200);
    expect((await admin.post('/erasures', { user_id: 'owner' })).body).toMatchObject({ status: 'done' });
    expect(await sharesOf()).toEqual([]);
    expectProblem(await third.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expect((await third.get(`/threads/${own.id}`)).status).toBe(200);
    // Who shared somebody else's thread is not named any more.
    await share(admin, own.id, { user_id: 'fourth', permission: 'read' });
    await (await app.as('erase', 'root2', 'admin')).post('/erasures', { user_id: 'root' });
    expect(await namesOf('root')).toEqual([]);
    expect(await namesOf('fourth')).toHaveLength(1);
  });
});
