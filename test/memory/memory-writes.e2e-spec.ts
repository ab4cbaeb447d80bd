import { setTimeout as sleep } from 'node:timers/promises';
import { SystemDatabase } from '../../src/database/door/system-database';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Writes to memory', () => {
  const { app } = world({ MEMORY_MAX_ENTRIES: '60', MEMORY_HISTORY_LIMIT: '5', MESSAGE_BATCH_LIMIT: '200' });
  let second: string;
  let count = 0;

  beforeAll(async () => {
    second = (await app.second()).url;
  });

  const newUser = (): Promise<Client> => app.as('acme', `user${(count += 1)}`);
  const memories = async (client: Client, query = {}): Promise<any> =>
    (await client.get('/memory', { query })).body.memories;
  const put = (client: Client, key: string, value: unknown, fields: object = {}, headers = {}) =>
    client.put(`/memory/${key}`, { value, ...fields }, headers);
  /** Fifty at once, on two instances. */
  const fifty = (client: Client, send: (client: Client, n: number) => Promise<any>) =>
    Promise.all(Array.from({ length: 50 }, (_, n) => send(n % 2 ? client.at(second) : client, n)));
  const numbered = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`key${from + n}`, from + n]));

  it.each([undefined, 's'])(
    'C18 lands 50 parallel saves of one key: versions 1 to 50 (session %s)',
    async (session_id) => {
      const user = await newUser();
      const answers = await fifty(user, (client, n) => put(client, 'k', n, { session_id }));
      const versions = answers.map(({ body }) => body.version as number).sort((a, b) => a - b);
      expect(versions).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(new Set(answers.map(({ body }) => body.updated_at)).size).toBe(50);
      // Every version is the value that its own save sent: none got lost.
      const sent = new Map(answers.map(({ body }) => [body.version, body.value]));
      const { data } = (await user.get('/memory/k/history', { query: { session_id } })).body;
      expect(data.map(({ version }: any) => version)).toEqual([49, 48, 47, 46, 45]);
      for (const { version, value } of data) expect(value).toBe(sent.get(version));
      expect(await memories(user, { session_id })).toEqual({ k: sent.get(50) });
    },
  );

  it('C18 shows the last MEMORY_HISTORY_LIMIT values, also after saves that all waited for each other', async () => {
    const user = await newUser();
    for (const n of [1, 2, 3]) await put(user, 'k', n);
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query(`SELECT FROM memories WHERE user_id = $1 FOR UPDATE`, [`user${count}`]);
      // As many as the connections that one organization may have, and two more.
      const saves = Array.from({ length: 9 }, (_, n) => put(user, 'k', n));
      const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      while ((await app.db.query(waiting)).rows.length < saves.length - 2) await sleep(10);
      await holder.query('ROLLBACK');
      await Promise.all(saves);
    } finally {
      holder.release(true);
    }
    const shown = async () =>
      (await user.get('/memory/k/history')).body.data.map(({ version }: { version: number }) => version);
    expect(await shown()).toEqual([11, 10, 9, 8, 7]);
    await put(user, 'k', 'next');
    expect(await shown()).toEqual([12, 11, 10, 9, 8]);
    const { rows } = await app.db.query(`SELECT FROM memory_versions WHERE user_id = $1`, [`user${count}`]);
    expect(rows).toHaveLength(6);
  });

  it('C18 lands 50 parallel saves of different keys', async () => {
    const user = await newUser();
    const answers = await fifty(user, (client, n) => put(client, `key${n}`, n));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
    expect(await memories(user)).toEqual(numbered(0, 50));
  });

  it('MEMORY_MAX_ENTRIES is never overshot; what is there can still be saved', async () => {
    const user = await newUser();
    expect((await user.put('/memory', { memories: numbered(0, 50) })).body.created).toBe(50);
    const answers = await fifty(user, (client, n) => put(client, `new${n}`, n, n % 3 ? {} : { session_id: 's' }));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    for (const answer of answers.filter(({ status }) => status !== 201))
      expectProblem(answer, 409, 'MEMORY_LIMIT_REACHED');
    expect((await put(user, 'key0', 'changed')).status).toBe(200);
    expect((await user.put('/memory', { memories: numbered(0, 50) })).body.created).toBe(0);
    expectProblem(await user.put('/memory', { memories: { key0: 'lost', more: 1 } }), 409, 'MEMORY_LIMIT_REACHED');
    expect((await user.get('/memory/key0')).body.value).toBe(0);
    expect((await put(await newUser(), 'free', 1)).status).toBe(201);
    await user.delete('/memory/key0');
    expect((await put(user, 'more', 1)).status).toBe(201);
  });

  it('MEMORY_MAX_ENTRIES does not count what has expired', async () => {
    const user = await newUser();
    await user.put('/memory', { memories: numbered(0, 30), ttl_seconds: 1000 });
    await user.put('/memory', { memories: numbered(0, 30), session_id: 's' });
    expectProblem(await put(user, 'more', 1), 409, 'MEMORY_LIMIT_REACHED');
    await app.db.query(
      `UPDATE memories SET expires_at = now() - interval '1 s' WHERE expires_at IS NOT NULL AND key < 'key2'`,
    );
    expect((await put(user, 'more', 1)).status).toBe(201);
    await user.put('/memory', { memories: { ...numbered(100, 111) } });
    expectProblem(await put(user, 'more2', 1), 409, 'MEMORY_LIMIT_REACHED');
    await app.db.query(`UPDATE threads SET expires_at = now() - interval '1 s' WHERE user_id = $1`, [`user${count}`]);
    expect((await put(user, 'more2', 1)).status).toBe(201);
  });

  it('If-Match lets one of two savers win: 412 for the other; a version in the body: 409', async () => {
    const user = await newUser();
    const { etag } = (await put(user, 'k', 0)).headers as { etag: string };
    const pair = await Promise.all(['x', 'y'].map((value) => put(user, 'k', value, {}, { 'if-match': etag })));
    expect(pair.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(pair.find(({ status }) => status === 412)!.body).toMatchObject({
      code: 'PRECONDITION_FAILED',
      current_version: 2,
    });
    for (const field of ['version', 'expected_version']) {
      const stale = await put(user, 'k', 'stale', { [field]: 1 });
      expectProblem(stale, 409, 'VERSION_CONFLICT');
      expect(stale.body.current_version).toBe(2);
    }
    expect((await put(user, 'k', 'z', { version: 2 })).body.version).toBe(3);
    const missing = await put(user, 'missing', 1, { version: 3 });
    expectProblem(missing, 409, 'VERSION_CONFLICT');
    expect(missing.body.current_version).toBe(0);
    expectProblem(await put(user, 'missing', 1, {}, { 'if-match': '"1"' }), 412, 'PRECONDITION_FAILED');
    expectProblem(await put(user, 'missing', 1, {}, { 'if-match': '*' }), 412, 'PRECONDITION_FAILED');
    expect((await put(user, 'k', 'any', {}, { 'if-match': '*' })).body.version).toBe(4);
    expectProblem(await put(user, 'k', 1, {}, { 'if-match': 'abc' }), 400, 'BAD_REQUEST');
    const remove = (match: string) => user.delete('/memory/k', { headers: { 'if-match': match } });
    expectProblem(await remove('"3"'), 412, 'PRECONDITION_FAILED');
    expect(await memories(user)).toEqual({ k: 'any' });
    expect((await remove('"4"')).status).toBe(200);
    expectProblem(await remove('"4"'), 404, 'MEMORY_NOT_FOUND');
  });

  it('version 0, or If-None-Match: *, saves only a new key: once, also at the same time', async () => {
    const user = await newUser();
    const answers = await fifty(user, (client, n) => put(client, 'once', n, { version: 0 }));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
    const first = answers.find(({ status }) => status === 201).body;
    expect((await user.get('/memory/once')).body).toEqual(first);
    expectProblem(await put(user, 'once', 1, {}, { 'if-none-match': '*' }), 412, 'PRECONDITION_FAILED');
    expect((await put(user, 'other', 1, {}, { 'if-none-match': '*' })).status).toBe(201);
    expectProblem(await put(user, 'other', 1, {}, { 'if-none-match': '"1"' }), 400, 'BAD_REQUEST');
    // A precondition that fails leaves nothing behind, no session either.
    expectProblem(await put(user, 'k', 1, { session_id: 'new', version: 7 }), 409, 'VERSION_CONFLICT');
    const { rows } = await app.db.query(`SELECT 1 FROM sessions WHERE user_id = $1`, [`user${count}`]);
    expect(rows).toEqual([]);
  });

  it('a save sent again is the same value at the next version', async () => {
    const user = await newUser();
    const answers = [await put(user, 'k', { a: 1 }), await put(user, 'k', { a: 1 })];
    expect(answers.map(({ status, body }) => [status, body.version])).toEqual([
      [201, 1],
      [200, 2],
    ]);
    expect(answers[1].body.created_at).toBe(answers[0].body.created_at);
  });

  it('saves a batch, all or nothing, at most MESSAGE_BATCH_LIMIT', async () => {
    const user = await newUser();
    await put(user, 'b', 'old');
    const { status, body } = await user.put('/memory', { memories: { c: null, b: [2], a: 1 } });
    expect([status, body.created]).toEqual([200, 2]);
    expect(body.data.map(({ key, value, version }: any) => [key, value, version])).toEqual([
      ['a', 1, 1],
      ['b', [2], 2],
      ['c', null, 1],
    ]);
    expectProblem(await user.put('/memory', { memories: numbered(0, 201) }), 400, 'TOO_MANY_ITEMS');
    expectProblem(await user.put('/memory', { memories: { a: 'half', ['x'.repeat(256)]: 1 } }), 400);
    expect(await memories(user)).toEqual({ a: 1, b: [2], c: null });
  });

  it('takes no If-Match for a batch: it has no version', async () => {
    const user = await newUser();
    for (const header of [{ 'if-match': '"1"' }, { 'if-match': '*' }, { 'if-none-match': '*' }] as Record<
      string,
      string
    >[]) {
      expectProblem(await user.put('/memory', { memories: { a: 1 } }, header), 400, 'BAD_REQUEST');
    }
    expect(await memories(user)).toEqual({});
  });

  it('batches and saves of the same keys at the same time never block each other for good', async () => {
    const user = await newUser();
    const [forward, backward] = [numbered(0, 20), Object.fromEntries(Object.entries(numbered(0, 20)).reverse())];
    const answers = await fifty(user, (client, n) =>
      n % 5 === 4 ? put(client, `key${n % 20}`, n) : client.put('/memory', { memories: n % 2 ? forward : backward }),
    );
    for (const { status } of answers) expect([200, 201]).toContain(status);
    const { body } = await user.get('/memories');
    expect(body.data.map(({ version }: any) => version).reduce((a: number, b: number) => a + b)).toBe(40 * 20 + 10);
  });

  it('an entry is gone when its time is over, and begins anew when it is saved again', async () => {
    const user = await newUser();
    await put(user, 'k', 0);
    const { body } = await put(user, 'k', 1, { ttl_seconds: 3 });
    expect([body.version, Date.parse(body.expires_at) - Date.parse(body.updated_at)]).toEqual([2, expect.any(Number)]);
    expect(await memories(user)).toEqual({ k: 1 });
    await sleep(3100);
    expect(await memories(user)).toEqual({});
    for (const path of ['/memory/k', '/memory/k/history']) expectProblem(await user.get(path), 404, 'MEMORY_NOT_FOUND');
    expectProblem(await user.delete('/memory/k'), 404, 'MEMORY_NOT_FOUND');
    expectProblem(await put(user, 'k', 2, { version: 2 }), 409, 'VERSION_CONFLICT');
    const answers = await fifty(user, (client, n) => put(client, 'k', n));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await user.get('/memory/k')).body.version).toBe(50);
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    expect((await put(user, 'k', 3, { expires_at })).body.expires_at).toBe(expires_at);
    expect((await put(user, 'k', 4)).body.expires_at).toBeNull();
  });

  it('leaves what has expired to the cleanup, which sees no more than that it is there', async () => {
    const system = app.app.get(SystemDatabase, { strict: false });
    for (const org of ['tidy', 'messy']) {
      const user = await app.as(org, 'user');
      await user.put('/memory', { memories: { old1: 1, old2: 2, old3: 3 }, ttl_seconds: 100 });
      await put(user, 'kept', 1, { ttl_seconds: 1000 });
    }
    const expired = `SELECT DISTINCT org_id FROM memories WHERE expires_at < now() AND org_id IN ('tidy', 'messy')`;
    const find = () => system.run((tx) => tx.query<{ org_id: string }>(expired));
    expect(await find()).toEqual([]);
    await app.db.query(`UPDATE memories SET expires_at = now() WHERE expires_at < now() + interval '200 s'`);
    expect(await find()).toHaveLength(2);
    await expect(system.run((tx) => tx.query('SELECT value FROM memories'))).rejects.toThrow('permission denied');
    const admin = await app.as('tidy', 'root', 'admin');
    expect((await admin.post('/admin/cleanup')).body).toMatchObject({ expired_memories: 3, deleted: 0 });
    expect((await admin.post('/admin/cleanup')).body).toMatchObject({ expired_memories: 0 });
    expect(await find()).toEqual([{ org_id: 'messy' }]);
    const { rows } = await app.db.query(`SELECT key FROM memories WHERE org_id = 'tidy'`);
    expect(rows).toEqual([{ key: 'kept' }]);
  });
});
