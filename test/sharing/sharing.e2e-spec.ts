import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { type Client, expectProblem, type Response } from '../support/world/client';

type Ask = (client: Client, id: string, message: string) => Promise<Response>;

/** What a reader may do, by the way to the thread. */
const READS: Record<string, Ask> = {
  thread: (client, id) => client.get(`/threads/${id}`),
  'thread with messages': (client, id) => client.get(`/threads/${id}?include=messages`),
  messages: (client, id) => client.get(`/threads/${id}/messages`),
  'the last messages': (client, id) => client.get(`/threads/${id}/messages?last=1`),
  message: (client, _, message) => client.get(`/messages/${message}`),
  history: (client, id) => client.get(`/threads/${id}/history`),
  context: (client, id) => client.get(`/threads/${id}/context`),
  'context of a body': (client, id) => client.post(`/threads/${id}/context`, { question: 'What?' }),
  summaries: (client, id) => client.get(`/threads/${id}/summaries`),
  fork: (client, id) => client.post(`/threads/${id}/fork`, { name: 'Mine' }),
};

/** What a writer may do besides. */
const WRITES: Record<string, Ask> = {
  append: (client, id) => client.post(`/threads/${id}/messages`, { role: 'user', content: 'Hello' }),
  'append a batch': (client, id) =>
    client.post(`/threads/${id}/messages`, { start_seq: 0, messages: [{ role: 'user', content: 'First' }] }),
  edit: (client, _, message) => client.patch(`/messages/${message}`, { content: 'Edited' }),
  'make it current': (client, id) => client.put('/threads/current', { thread_id: id }),
  'add a summary': (client, id) =>
    client.post(`/threads/${id}/summaries`, { start_turn: 0, end_turn: 1, content: 'Greetings.' }),
  summarize: (client, id) => client.post(`/threads/${id}/summarize`, { keep_last: 0 }),
  delete: (client, _, message) => client.delete(`/messages/${message}`),
  truncate: (client, id) => client.post(`/threads/${id}/truncate`, { keep_last: 1 }),
  clear: (client, id) => client.delete(`/threads/${id}/messages`),
};

/** What only the owner and admins may do. */
const OWN: Record<string, Ask> = {
  rename: (client, id) => client.patch(`/threads/${id}`, { name: 'Renamed' }),
  'change metadata': (client, id) => client.patch(`/threads/${id}`, { metadata: { a: 1 } }),
  archive: (client, id) => client.post(`/threads/${id}/archive`),
  unarchive: (client, id) => client.post(`/threads/${id}/unarchive`),
  share: (client, id) => client.post(`/threads/${id}/shares`, { user_id: 'dora', permission: 'read' }),
  'share by a link': (client, id) => client.post(`/threads/${id}/shares`, { link: true, permission: 'read' }),
  'list shares': (client, id) => client.get(`/threads/${id}/shares`),
};

describe('Sharing', () => {
  const { app, alice, bob, admin, someone } = world();
  const carol = someone('carol');

  const share = (id: string, body: object, client = alice) => client.post(`/threads/${id}/shares`, body);

  /** A thread of Alice's with two messages, shared with Bob. */
  const shared = async (permission?: 'read' | 'write', fields: object = {}) => {
    const { id } = await alice.createThread('Tokyo', { metadata: { project: 'travel' } });
    const [message] = await alice.addMessages(id, [
      { role: 'user', content: 'First' },
      { role: 'assistant', content: 'Second' },
    ]);
    const made = permission && (await share(id, { user_id: 'bob', permission, ...fields }));
    return { id, message: message.id as string, shareId: made?.body.id as string };
  };

  const expireShares = (id: string) =>
    app.db.query(`UPDATE shares SET expires_at = now() - interval '1 s' WHERE thread_id = $1`, [id]);

  const statuses = async (requests: Record<string, Ask>, client: Client, make: () => ReturnType<typeof shared>) => {
    const found: Record<string, string> = {};
    for (const [name, ask] of Object.entries(requests)) {
      const { id, message } = await make();
      const { status, body } = await ask(client, id, message);
      found[name] = status < 300 ? 'ok' : `${status} ${body.code}`;
    }
    return found;
  };

  const all = (requests: Record<string, Ask>, expected: (name: string) => string) =>
    Object.fromEntries(Object.keys(requests).map((name) => [name, expected(name)]));
  const missing = (name: string) =>
    ['message', 'edit', 'delete'].includes(name) ? '404 MESSAGE_NOT_FOUND' : '404 THREAD_NOT_FOUND';
  const ok = () => 'ok';
  const forbidden = () => '403 THREAD_NOT_WRITABLE';
  const EVERYTHING = { ...READS, ...WRITES, ...OWN };

  it('N37 C48 a reader reads, and writes nothing', async () => {
    expect(await statuses(READS, bob, () => shared('read'))).toEqual(all(READS, ok));
    expect(await statuses(WRITES, bob, () => shared('read'))).toEqual(all(WRITES, forbidden));
    expect(await statuses(OWN, bob, () => shared('read'))).toEqual(all(OWN, forbidden));
    const { id } = await shared('read');
    expectProblem(await bob.delete(`/threads/${id}`), 403, 'THREAD_NOT_WRITABLE');
  });

  it("N37 C48 a writer writes too, and does nothing of the owner's", async () => {
    expect(await statuses({ ...READS, ...WRITES }, bob, () => shared('write'))).toEqual(
      all({ ...READS, ...WRITES }, ok),
    );
    expect(await statuses(OWN, bob, () => shared('write'))).toEqual(all(OWN, forbidden));
    const { id, shareId } = await shared('write');
    expectProblem(await bob.delete(`/threads/${id}`), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await bob.patch(`/threads/${id}/shares/${shareId}`, { permission: 'read' }), 403);
    expectProblem(await bob.delete(`/threads/${id}/shares/${shareId}`), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await bob.delete(`/threads/${id}/shares/${randomUUID()}`), 403, 'THREAD_NOT_WRITABLE');
  });

  it('C48 an admin of the organization and the owner do everything', async () => {
    for (const client of [alice, admin]) {
      expect(await statuses(EVERYTHING, client, () => shared('read'))).toEqual(all(EVERYTHING, ok));
    }
    const { id } = await shared();
    expect((await share(id, { user_id: 'bob', permission: 'read' }, admin)).body.created_by).toBe('root');
    expect((await bob.get(`/threads/${id}`)).status).toBe(200);
  });

  it('N37 C48 everybody else is told that there is no such thread', async () => {
    const strangers = [
      carol,
      await app.as('acme', 'carol', 'service'),
      // Of the same name, in another organization: also where the thread is shared with that name.
      await app.as('globex', 'bob'),
      await app.as('globex', 'bob', 'admin'),
      await app.as('globex', 'alice'),
    ];
    for (const client of strangers) {
      expect(await statuses(EVERYTHING, client, () => shared('write'))).toEqual(all(EVERYTHING, missing));
    }
    expect(await statuses(EVERYTHING, bob, () => shared())).toEqual(all(EVERYTHING, missing));
  });

  it('C48 what has expired is gone at once', async () => {
    const expired = async () => {
      const thread = await shared('write', { expires_in_seconds: 3600 });
      expect((await bob.get(`/threads/${thread.id}`)).status).toBe(200);
      await expireShares(thread.id);
      return thread;
    };
    expect(await statuses(EVERYTHING, bob, expired)).toEqual(all(EVERYTHING, missing));
    const { id, shareId } = await expired();
    expect((await alice.get(`/threads/${id}/shares`)).body.data).toEqual([]);
    expect((await bob.get('/threads', { query: { shared: true, limit: 1000 } })).text).not.toContain(id);
    expectProblem(await alice.patch(`/threads/${id}/shares/${shareId}`, { expires_at: null }), 404, 'SHARE_NOT_FOUND');
    // Shared anew, it is a new share.
    const again = await share(id, { user_id: 'bob', permission: 'read' });
    expect({ status: again.status, same: again.body.id === shareId }).toEqual({ status: 201, same: false });
  });

  it('N37 C48 what is revoked is gone at once, on another instance too', async () => {
    const other = bob.at((await app.second()).url);
    const revoked = async () => {
      const thread = await shared('write');
      expect((await other.get(`/threads/${thread.id}`)).status).toBe(200);
      const answer = await alice.delete(`/threads/${thread.id}/shares/${thread.shareId}`);
      expect([answer.status, answer.body]).toEqual([200, { deleted: true, id: thread.shareId }]);
      return thread;
    };
    expect(await statuses(EVERYTHING, other, revoked)).toEqual(all(EVERYTHING, missing));
    const { id, shareId } = await revoked();
    expectProblem(await alice.delete(`/threads/${id}/shares/${shareId}`), 404, 'SHARE_NOT_FOUND');
  });

  it('C48 shows a share, lists shares in pages, and shares again with the same user by replacing', async () => {
    const { id } = await shared();
    const first = await share(id, { user_id: 'bob', permission: 'read' });
    expect(first.status).toBe(201);
    expect(first.headers['cache-control']).toBe('no-store');
    expect(first.body).toEqual({
      id: expect.any(String),
      thread_id: id,
      user_id: 'bob',
      link_id: null,
      permission: 'read',
      created_by: 'alice',
      expires_at: null,
      created_at: expect.any(String),
      token: null,
      warnings: [],
    });
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const again = await share(id, { user_id: 'bob', permission: 'write', expires_at });
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ ...first.body, permission: 'write', expires_at });
    const others = [];
    for (const user_id of ['carol', 'dora']) others.push((await share(id, { user_id, permission: 'read' })).body);
    const pages = await alice.all(`/threads/${id}/shares`, { limit: 1 });
    expect(pages.map((row) => row.user_id)).toEqual(['bob', 'carol', 'dora']);
    expect(await alice.all(`/threads/${id}/shares`, { limit: 2, order: 'desc' })).toEqual([...pages].reverse());
    expect(pages[0]).not.toHaveProperty('token');
    const patch = (body: object) => alice.patch(`/threads/${id}/shares/${first.body.id}`, body);
    expect((await patch({ permission: 'read' })).body).toMatchObject({ permission: 'read', expires_at });
    expect((await patch({ expires_at: null })).body).toMatchObject({ permission: 'read', expires_at: null });
    const soon = (await patch({ expires_in_seconds: 60 })).body.expires_at;
    expect(Date.parse(soon)).toBeGreaterThan(Date.now() - 600_000);
    expectProblem(await bob.post(`/threads/${id}/messages`, { role: 'user', content: 'No' }), 403);
    expect((await alice.get(`/threads/${id}`)).body.version).toBe((await bob.get(`/threads/${id}`)).body.version);
  });

  it('C48 an Idempotency-Key shares once, also by a link, whose token is not kept', async () => {
    const { id } = await shared();
    for (const body of [
      { user_id: 'carol', permission: 'read' },
      { link: true, permission: 'read' },
    ]) {
      const key = { 'idempotency-key': randomUUID() };
      const [first, second] = [
        await alice.post(`/threads/${id}/shares`, body, key),
        await alice.post(`/threads/${id}/shares`, body, key),
      ];
      expect([first.status, second.status]).toEqual([201, 201]);
      expect(second.body).toEqual({ ...first.body, token: null });
    }
    expect((await alice.get(`/threads/${id}/shares`)).body.data).toHaveLength(2);
  });

  it('A06 warns of a user whom nobody has seen, once, and not of one who is known', async () => {
    const { id } = await shared();
    const named = async (user_id: string, headers?: Record<string, string>) => {
      const { status, body } = await alice.post(`/threads/${id}/shares`, { user_id, permission: 'read' }, headers);
      return [status, body.warnings];
    };
    const key = { 'idempotency-key': randomUUID() };
    expect(await named('dorothea', key)).toEqual([201, ['unknown_user']]);
    expect(await named('dorothea', key)).toEqual([201, ['unknown_user']]);
    expect(await named('dorothea')).toEqual([200, []]);
    expect(await named('bob')).toEqual([201, []]);
    expect((await share(id, { link: true, permission: 'read' })).body.warnings).toEqual([]);
    expect((await alice.get(`/threads/${id}/shares`)).body.data[0]).not.toHaveProperty('warnings');
  });

  it('C48 refuses what makes no sense', async () => {
    const { id, shareId } = await shared('read');
    const read = { user_id: 'carol', permission: 'read' };
    for (const client of [alice, admin]) {
      expectProblem(await share(id, { ...read, user_id: 'alice' }, client), 400, 'SHARE_WITH_OWNER');
    }
    for (const body of [
      {},
      { permission: 'read' },
      { user_id: 'carol' },
      { ...read, permission: 'own' },
      { ...read, link: true },
      { link: false, permission: 'read' },
      { ...read, expires_at: '2020-01-01T00:00:00Z' },
      { ...read, expires_at: Date.now() - 1000 },
      { ...read, expires_at: 'soon' },
      { ...read, expires_in_seconds: 0 },
      { ...read, expires_in_seconds: -1 },
      { ...read, expires_in_seconds: 60, expires_at: '2999-01-01T00:00:00Z' },
      { ...read, org_id: 'globex' },
      { user_id: '', permission: 'read' },
    ]) {
      expectProblem(await share(id, body), 400, 'VALIDATION_FAILED');
    }
    for (const body of [{}, { permission: null }, { expires_at: 1 }, { user_id: 'carol' }]) {
      expectProblem(await alice.patch(`/threads/${id}/shares/${shareId}`, body), 400, 'VALIDATION_FAILED');
    }
    expect((await alice.get(`/threads/${id}/shares`)).body.data).toHaveLength(1);
  });

  it('C48 at most 1000 shares of a thread', async () => {
    const { id } = await shared();
    await app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, permission, secret_hash, created_by)
       SELECT 'acme', gen_random_uuid(), $1, 'read', decode('00', 'hex'), 'alice' FROM generate_series(1, 995)`,
      [id],
    );
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, n) => share(id, { user_id: `user${n}`, permission: 'read' })),
    );
    expect(made.filter(({ status }) => status === 201)).toHaveLength(5);
    for (const answer of made.filter(({ status }) => status !== 201)) expectProblem(answer, 409, 'TOO_MANY_SHARES');
    // Changing one is no new one.
    const { user_id } = made.find(({ status }) => status === 201)!.body;
    expect((await share(id, { user_id, permission: 'write' })).status).toBe(200);
  });

  it('C48 lists what others share, with permission and owner, and not in the own list', async () => {
    const [dave, erin] = await Promise.all(['dave', 'erin'].map((user) => app.as('acme', user)));
    const ids: string[] = [];
    for (const [index, permission] of (['read', 'write', 'read'] as const).entries()) {
      const { id } = await alice.createThread(`Trip ${index}`, { metadata: { index } });
      await share(id, { user_id: 'dave', permission });
      ids.push(id);
    }
    await dave.createThread('Own');
    const list = (query: object = {}) => dave.all('/threads', { shared: true, ...query });
    expect((await list()).map((row) => [row.id, row.permission, row.user_id])).toEqual([
      [ids[2], 'read', 'alice'],
      [ids[1], 'write', 'alice'],
      [ids[0], 'read', 'alice'],
    ]);
    expect((await list({ limit: 1, sort_by: 'created_at', order: 'asc' })).map(({ id }) => id)).toEqual(ids);
    expect((await list({ name: 'trip 1' })).map(({ id }) => id)).toEqual([ids[1]]);
    expect((await list({ metadata: '{"index":2}' })).map(({ id }) => id)).toEqual([ids[2]]);
    const counted = await dave.get('/threads', { query: { shared: true, include_total: true, limit: 1 } });
    expect(counted.body).toMatchObject({ total: 3, has_more: true });
    expect((await dave.all('/threads')).map(({ name }) => name)).toEqual(['Own']);
    expect((await dave.all('/threads'))[0]).not.toHaveProperty('permission');
    expectProblem(await dave.get('/threads', { query: { shared: true, user_id: 'dave' } }), 400, 'BAD_REQUEST');
    // Nothing of it for others, admins included: shared means shared with them.
    for (const client of [erin, alice, admin, await app.as('globex', 'dave')]) {
      expect((await client.all('/threads', { shared: true })).filter(({ id }) => ids.includes(id))).toEqual([]);
    }
    // Twice, by a link too: listed once, with the better of both.
    const link = (await share(ids[0], { link: true, permission: 'write' })).body;
    expect((await dave.post('/shares/accept', { token: link.token })).status).toBe(201);
    expect((await list()).map((row) => [row.id, row.permission])).toEqual([
      [ids[2], 'read'],
      [ids[1], 'write'],
      [ids[0], 'write'],
    ]);
    await alice.delete(`/threads/${ids[1]}`);
    expect((await list()).map(({ id }) => id)).toEqual([ids[2], ids[0]]);
  });

  it('C48 the recipient leaves, and nobody else does it for them', async () => {
    const { id } = await shared('read');
    const link = (await share(id, { link: true, permission: 'write' })).body;
    await bob.post('/shares/accept', { token: link.token });
    const [{ share_id }] = (await bob.all('/threads', { shared: true })).filter((row) => row.id === id);
    for (const stranger of [carol, await app.as('globex', 'bob'), await app.as('globex', 'root', 'admin')]) {
      expectProblem(await stranger.delete(`/shares/${share_id}`), 404, 'SHARE_NOT_FOUND');
    }
    expect((await bob.get(`/threads/${id}`)).status).toBe(200);
    expect((await bob.delete(`/shares/${share_id}`)).body).toEqual({ deleted: true, id: share_id });
    expectProblem(await bob.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await bob.delete(`/shares/${share_id}`), 404, 'SHARE_NOT_FOUND');
    expectProblem(await bob.delete('/shares/no-uuid'), 404, 'SHARE_NOT_FOUND');
    // The link stays, as it is not his.
    expectProblem(await bob.delete(`/shares/${link.id}`), 404, 'SHARE_NOT_FOUND');
    expect((await alice.get(`/threads/${id}/shares`)).body.data.map((row: any) => row.id)).toEqual([link.id]);
    expect((await alice.delete(`/shares/${link.id}`)).status).toBe(200);
  });
});
