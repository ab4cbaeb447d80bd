import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Writes to threads', () => {
  const { app, alice, bob } = world();

  const get = async (id: string): Promise<any> => (await alice.get(`/threads/${id}`)).body;
  const named = async (name: string): Promise<number> =>
    (await app.db.query('SELECT count(*) AS n FROM threads WHERE name = $1', [name])).rows[0].n;

  it('F70 C13 moves updated_at and version with every write, and with no read', async () => {
    const { id } = await alice.createThread('Clock');
    let last = await get(id);
    let messageId = '';
    const writes: (() => Promise<unknown>)[] = [
      async () => (messageId = (await alice.addMessage(id)).id),
      () => alice.patch(`/messages/${messageId}`, { content: 'edited' }),
      () => alice.delete(`/messages/${messageId}`),
      () => alice.addMessage(id),
      () => alice.delete(`/threads/${id}/messages`),
      () => alice.patch(`/threads/${id}`, { name: 'Renamed' }),
      () => alice.patch(`/threads/${id}`, { metadata: { a: 1 } }),
    ];
    for (const write of writes) {
      await write();
      const now = await get(id);
      expect(now.updated_at > last.updated_at).toBe(true);
      expect([now.version, now.created_at]).toEqual([last.version + 1, last.created_at]);
      last = now;
    }
    // Archived or not, it stands where it stood in the list.
    expect((await alice.post(`/threads/${id}/archive`)).body.version).toBe(last.version + 1);
    expect((await alice.post(`/threads/${id}/archive`)).body.version).toBe(last.version + 1);
    expect((await alice.post(`/threads/${id}/unarchive`)).body).toEqual({ ...last, version: last.version + 2 });
    last = await get(id);
    await alice.get(`/threads/${id}/messages`);
    await alice.get(`/threads/${id}/history`);
    await alice.get('/threads');
    await alice.put('/threads/current', { thread_id: id });
    expect(await get(id)).toEqual(last);
  });

  it('C31 answers {} where there is no metadata', async () => {
    expect((await alice.createThread('None')).metadata).toEqual({});
    expect((await alice.createThread('Null', { metadata: null })).metadata).toEqual({});
    const { id } = await alice.createThread('Some', { metadata: { a: 1 } });
    expect((await alice.patch(`/threads/${id}`, { metadata: { a: null } })).body.metadata).toEqual({});
    for (const metadata of [[], 'x', 7, true]) {
      expectProblem(await alice.post('/threads', { name: 'x', metadata }), 400, 'VALIDATION_FAILED');
    }
  });

  it('merge-patches metadata: null removes, absent stays, objects merge, arrays are replaced', async () => {
    const { id } = await alice.createThread('Merge', { metadata: { a: 1, b: { x: 1, y: 2 }, list: [1, 2] } });
    const patch = { b: { y: null, z: 3 }, list: [9], constructor: 'kept' };
    const { body } = await alice.patch(`/threads/${id}`, { metadata: patch });
    expect(body.metadata).toEqual({ a: 1, b: { x: 1, z: 3 }, list: [9], constructor: 'kept' });
    expectProblem(await bob.patch(`/threads/${id}`, { metadata: { a: 2 } }), 404, 'THREAD_NOT_FOUND');
    const big = { big: 'x'.repeat(65_000) };
    expect((await alice.patch(`/threads/${id}`, { metadata: big })).status).toBe(200);
    const more = await alice.patch(`/threads/${id}`, { metadata: { more: 'x'.repeat(1000) } });
    expectProblem(more, 400, 'METADATA_TOO_LARGE');
    expect((await get(id)).metadata.more).toBeUndefined();
  });

  it('lands 50 parallel merges of distinct keys', async () => {
    const { id } = await alice.createThread('Parallel');
    const keys = Array.from({ length: 50 }, (_, n) => `key${n}`);
    const second = alice.at((await app.second()).url);
    const merge = (key: string, n: number) =>
      (n % 2 ? second : alice).patch(`/threads/${id}`, { metadata: { [key]: n } });
    const answers = await Promise.all(keys.map(merge));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    const { metadata, version } = await get(id);
    expect(metadata).toEqual(Object.fromEntries(keys.map((key, n) => [key, n])));
    expect(version).toBe(51);
  });

  it('If-Match lets one of two writers win: 412 for the other', async () => {
    const { id } = await alice.createThread('Versioned');
    const etag = (await alice.get(`/threads/${id}`)).headers.etag as string;
    const rename = (name: string, match: string) => alice.patch(`/threads/${id}`, { name }, { 'if-match': match });
    const answers = await Promise.all(['x', 'y'].map((name) => rename(name, etag)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const stale = answers.find(({ status }) => status === 412)!;
    expectProblem(stale, 412, 'PRECONDITION_FAILED');
    expect(stale.body.current_version).toBe(2);
    const next = answers.find(({ status }) => status === 200)!.headers.etag as string;
    expect((await rename('z', `W/${next}`)).headers.etag).toBe('"3"');
    expect((await rename('any', '*')).status).toBe(200);
    expectProblem(await rename('bad', 'abc'), 400, 'BAD_REQUEST');
    expectProblem(await bob.patch(`/threads/${id}`, { name: 'x' }, { 'if-match': etag }), 404, 'THREAD_NOT_FOUND');
    const remove = (match: string) => alice.delete(`/threads/${id}`, { headers: { 'if-match': match } });
    expectProblem(await remove(etag), 412, 'PRECONDITION_FAILED');
    expect((await remove('"4"')).status).toBe(200);
    expectProblem(await remove('"4"'), 404, 'THREAD_NOT_FOUND');
  });

  it('expected_version in the body that is stale is a 409', async () => {
    const { id } = await alice.createThread('Versioned');
    for (const field of ['expected_version', 'version']) {
      const { version } = await get(id);
      expect((await alice.patch(`/threads/${id}`, { name: field, [field]: version })).status).toBe(200);
      const stale = await alice.patch(`/threads/${id}`, { name: 'stale', [field]: version });
      expectProblem(stale, 409, 'VERSION_CONFLICT');
      expect(stale.body.current_version).toBe(version + 1);
    }
    expectProblem(await alice.patch(`/threads/${id}`, { name: 'x', expected_version: 0 }), 400, 'VALIDATION_FAILED');
    expect((await get(id)).name).toBe('version');
  });

  it('F62 makes a batch, all or nothing', async () => {
    const threads = [{ name: 'batch', metadata: { n: 1 } }, { name: 'batch' }, { name: ' batch ' }];
    const { status, body } = await alice.post('/threads', { threads });
    expect([status, body.data.map((thread: any) => thread.name)]).toEqual([201, ['batch', 'batch', 'batch']]);
    expect(body.data[0].metadata).toEqual({ n: 1 });
    const bad = [{ name: '' }, {}, null, 7, { name: 'x', nope: 1 }, { name: 'x', metadata: [] }, { name: '\0' }];
    for (const item of bad) {
      expectProblem(await alice.post('/threads', { threads: [{ name: 'half' }, item, { name: 'half' }] }), 400);
    }
    const foreign = { threads: [{ name: 'half' }, { name: 'half', user_id: 'bob' }] };
    expectProblem(await alice.post('/threads', foreign), 403, 'OTHER_USER');
    for (const list of [[], {}, 'x', null]) expectProblem(await alice.post('/threads', { threads: list }), 400);
    const many = Array.from({ length: 1001 }, () => ({ name: 'half' }));
    expectProblem(await alice.post('/threads', { threads: many }), 400, 'TOO_MANY_ITEMS');
    expect(await named('half')).toBe(0);
  });

  describe('with an Idempotency-Key', () => {
    const create = (client: Client, name: string, key: string) =>
      client.post('/threads', { name }, { 'idempotency-key': key });

    it('replays the first answer; another body or route is a 422', async () => {
      const key = randomUUID();
      const first = await create(alice, 'once', key);
      await alice.patch(`/threads/${first.body.id}`, { name: 'renamed' });
      const again = await create(alice, 'once', key);
      expect([again.status, again.body, again.headers.etag]).toEqual([201, first.body, first.headers.etag]);
      expect(await named('once')).toBe(0);
      expectProblem(await create(alice, 'other', key), 422, 'IDEMPOTENCY_KEY_REUSED');
      const batch = { threads: [{ name: 'once' }] };
      expectProblem(await alice.post('/threads', batch, { 'idempotency-key': key }), 422, 'IDEMPOTENCY_KEY_REUSED');
    });

    it('C07 belongs to one user of one organization', async () => {
      const key = randomUUID();
      const clients = [alice, bob, await app.as('globex', 'alice')];
      const answers = await Promise.all(clients.map((client) => create(client, 'everyone', key)));
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(3);
      expect(answers.map(({ body }) => body.user_id)).toEqual(['alice', 'bob', 'alice']);
    });

    it('makes one thread of many requests at once, on two instances', async () => {
      const key = randomUUID();
      const second = alice.at((await app.second()).url);
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => create(n % 2 ? second : alice, 'at once', key)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
      for (const { body } of answers) expect(body).toEqual(answers[0].body);
      expect(await named('at once')).toBe(1);
    });

    it('is free again after an error', async () => {
      const key = randomUUID();
      expectProblem(await create(alice, '', key), 400);
      const foreign = { name: 'free', user_id: 'bob' };
      expectProblem(await alice.post('/threads', foreign, { 'idempotency-key': key }), 403);
      expect((await create(alice, 'free', key)).status).toBe(201);
      expect(await named('free')).toBe(1);
    });

    it('has 1 to 255 visible characters', async () => {
      for (const key of ['', ' ', 'a b', 'x'.repeat(256)]) {
        expectProblem(await create(alice, 'bad key', key), 400, 'IDEMPOTENCY_KEY_INVALID');
      }
      expect(await named('bad key')).toBe(0);
      expect((await create(alice, 'long key', 'x'.repeat(255))).status).toBe(201);
    });
  });
});
