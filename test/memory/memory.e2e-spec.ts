import { randomInt } from 'node:crypto';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Memory', () => {
  const { app } = world();
  let count = 0;

  /** A user whom no other test has met, of an organization that all share. */
  const newUser = (): Promise<Client> => app.as('acme', `user${(count += 1)}`);
  const strangers = async () => [await app.as('acme', 'mallory'), await app.as('globex', `user${count}`, 'admin')];
  const at = (key: string) => `/memory/${encodeURIComponent(key)}`;
  const put = (client: Client, key: string, value: unknown, fields: object = {}) =>
    client.put(at(key), { value, ...fields });
  const memories = async (client: Client, query = {}): Promise<any> =>
    (await client.get('/memory', { query })).body.memories;

  it('S29 C21 keeps any JSON with its type', async () => {
    const [user, values] = [
      await newUser(),
      [[1, 'a', [null]], { b: { c: [] } }, 'text', '', '7', 7, -1.5e-7, true, {}],
    ];
    for (const value of values) {
      const { status, body } = await put(user, 'fact', value);
      expect([status < 300, body.value]).toEqual([true, value]);
      expect((await user.get('/memory/fact')).body.value).toEqual(value);
      expect(await memories(user)).toEqual({ fact: value });
    }
  });

  it('C22 takes null for a value, and nothing for a mistake', async () => {
    const user = await newUser();
    expect((await put(user, 'nothing', null)).status).toBe(201);
    expect((await user.get('/memory/nothing')).body.value).toBeNull();
    expect(await memories(user)).toEqual({ nothing: null });
    for (const body of [{}, undefined, { session_id: 's' }]) {
      expectProblem(await user.put('/memory/other', body), 400, 'VALIDATION_FAILED');
    }
    expect(Object.keys(await memories(user))).toEqual(['nothing']);
  });

  it('stores numbers as numbers: -0 is 0, 1.0 is 1, and what no reader can hold is refused', async () => {
    const user = await newUser();
    const send = (raw: string) =>
      user.send('PUT', '/memory/n', { raw: `{"value":${raw}}`, headers: { 'content-type': 'application/json' } });
    for (const [sent, stored] of [
      ['-0', 0],
      ['1.0', 1],
      ['1e2', 100],
      ['9007199254740991', 9007199254740991],
    ] as const) {
      expect(Object.is((await send(sent)).body.value, stored)).toBe(true);
      expect((await user.get('/memory/n')).text).toContain(`"value":${stored},`);
    }
    for (const sent of ['9007199254740993', '1e400', '[1e999]']) expectProblem(await send(sent), 400, 'INVALID_NUMBER');
  });

  it('S30 saves again over it: created_at stays, updated_at and version move', async () => {
    const user = await newUser();
    const first = await put(user, 'color', 'red');
    expect([first.status, first.headers.etag, first.body.version]).toEqual([201, '"1"', 1]);
    let last = first.body;
    for (const value of ['green', 'blue']) {
      const { status, body, headers } = await put(user, 'color', value);
      expect([status, headers.etag]).toEqual([200, `"${last.version + 1}"`]);
      expect(body).toEqual({ ...last, value, version: last.version + 1, updated_at: expect.any(String) });
      expect(body.updated_at > last.updated_at).toBe(true);
      last = body;
    }
    expect((await user.get('/memory/color')).body).toEqual(last);
    expect(await memories(user)).toEqual({ color: 'blue' });
  });

  it('S31 S32 answers a map, also of one key, and {} for what is not there', async () => {
    const user = await newUser();
    expect(await memories(user)).toEqual({});
    await put(user, 'a', 1);
    await put(user, 'b', { c: 2 });
    expect((await user.get('/memory')).body).toEqual({
      memories: { a: 1, b: { c: 2 } },
      has_more: false,
      next_cursor: null,
    });
    expect(await memories(user, { key: 'a' })).toEqual({ a: 1 });
    expect(await memories(user, { key: 'missing' })).toEqual({});
    expectProblem(await user.get('/memory/missing'), 404, 'MEMORY_NOT_FOUND');
    for (const stranger of await strangers()) {
      expect(await memories(stranger)).toEqual({});
      expectProblem(await stranger.get('/memory/a'), 404, 'MEMORY_NOT_FOUND');
      expectProblem(await stranger.get('/memory/a/history'), 404, 'MEMORY_NOT_FOUND');
    }
  });

  it('S33 C09 deletes a key once; a retry is told that it is gone', async () => {
    const user = await newUser();
    await put(user, 'a', 1);
    for (const stranger of await strangers())
      expectProblem(await stranger.delete('/memory/a'), 404, 'MEMORY_NOT_FOUND');
    expect((await user.delete('/memory/a')).body).toEqual({ deleted: true, success: true, key: 'a' });
    const again = await user.delete('/memory/a');
    expectProblem(again, 404, 'MEMORY_NOT_FOUND');
    expect(again.body.deleted).toBe(false);
    expect((await put(user, 'a', 2)).body.version).toBe(1);
  });

  it('S34 clears the user, and counts', async () => {
    const user = await newUser();
    await user.put('/memory', { memories: { a: 1, b: 2 } });
    for (const stranger of await strangers()) expect((await stranger.delete('/memory')).body).toEqual({ count: 0 });
    expect((await user.delete('/memory')).body).toEqual({ count: 2 });
    expect((await user.delete('/memory')).body).toEqual({ count: 0 });
  });

  it('U140 save_and_get, specific_key, update_existing_key', async () => {
    const user = await newUser();
    await put(user, 'preferences', { theme: 'dark' });
    expect(await memories(user)).toEqual({ preferences: { theme: 'dark' } });
    await put(user, 'language', 'en');
    expect(await memories(user, { key: 'language' })).toEqual({ language: 'en' });
    await put(user, 'language', 'fr');
    expect(await memories(user)).toEqual({ preferences: { theme: 'dark' }, language: 'fr' });
  });

  it('U141 delete_memory, delete_nonexistent, clear_user_memory', async () => {
    const user = await newUser();
    await put(user, 'temp', 'x');
    expect((await user.delete('/memory/temp')).body.deleted).toBe(true);
    expect(await memories(user, { key: 'temp' })).toEqual({});
    expect((await user.delete('/memory/nope')).body.deleted).toBe(false);
    await put(user, 'a', 1);
    await put(user, 'b', 2);
    expect((await user.delete('/memory')).body.count).toBe(2);
    expect(await memories(user)).toEqual({});
  });

  it('C41 lets admins and services act for any user of their organization, and members for themselves', async () => {
    const user = await newUser();
    const id = `user${count}`;
    const [admin, service] = [await app.as('acme', 'root', 'admin'), await app.as('acme', 'worker', 'service')];
    expect((await user.put(`/users/${id}/memory/a`, { value: 1 })).status).toBe(201);
    expect((await admin.put(`/users/${id}/memory/a`, { value: 2 })).body.version).toBe(2);
    expect((await service.put(`/users/${id}/memory`, { memories: { a: 3, b: 4 } })).body.created).toBe(1);
    expect(await memories(user)).toEqual({ a: 3, b: 4 });
    expect((await service.get(`/users/${id}/memories`)).body.data).toHaveLength(2);
    const { data } = (await user.get('/memory/a/history')).body;
    expect(data.map((version: any) => [version.version, version.value, version.saved_by])).toEqual([
      [2, 2, 'root'],
      [1, 1, id],
    ]);
    const [mallory, globex] = [await app.as('acme', 'mallory'), await app.as('globex', 'root', 'admin')];
    const path = `/users/${id}/memory`;
    for (const request of [
      mallory.get(path),
      mallory.get(`/users/${id}/memories`),
      mallory.get(`${path}/a`),
      mallory.get(`${path}/a/history`),
      mallory.put(path, { memories: { a: 'mine' } }),
      mallory.put(`${path}/a`, { value: 'mine' }),
      mallory.delete(`${path}/a`),
      mallory.delete(path),
    ]) {
      expectProblem(await request, 403, 'OTHER_USER');
    }
    expect((await globex.get(path)).body.memories).toEqual({});
    expect((await globex.delete(path)).body).toEqual({ count: 0 });
    expectProblem(await globex.delete(`${path}/a`), 404, 'MEMORY_NOT_FOUND');
    expect((await admin.delete(`${path}/b`)).body.deleted).toBe(true);
    expect(await memories(user)).toEqual({ a: 3 });
  });

  it('X09 takes keys of 1 to 255 characters as they are, and no others', async () => {
    const user = await newUser();
    const wide = Array.from({ length: 255 }, () => String.fromCodePoint(randomInt(0x4e00, 0x9fff))).join('');
    const keys = [
      'entries',
      'history',
      'a/history',
      '..',
      '%41',
      ' ',
      'Ä😀',
      '__proto__',
      'constructor',
      wide,
      'k'.repeat(255),
    ];
    for (const key of keys) {
      expect((await put(user, key, key)).body).toMatchObject({ key, value: key, version: 1 });
      expect((await user.get(at(key))).body.value).toBe(key);
      expect((await put(user, key, key)).body.version).toBe(2);
      expect((await user.get(`${at(key)}/history`)).body.data).toHaveLength(1);
    }
    expect((await user.get('/memories')).body.data).toHaveLength(keys.length);
    expect(Object.keys(await memories(user)).sort()).toEqual([...keys].sort());
    for (const key of ['%00', 'a%00b', '%0a', 'x'.repeat(256), 'x'.repeat(300), '%ED%A0%80']) {
      expectProblem(await user.put(`/memory/${key}`, { value: 1 }), 400);
      expectProblem(await user.delete(`/memory/${key}`), 400);
    }
    expectProblem(await user.put('/memory', { memories: { ok: 1, ['x'.repeat(256)]: 1 } }), 400, 'VALIDATION_FAILED');
    // No key at all must not mean every key.
    expect((await user.delete('/memory/')).status).toBeGreaterThanOrEqual(400);
    expect((await user.get('/memories')).body.data).toHaveLength(keys.length);
  });

  it('X06 refuses unknown fields, wrong types and values that are too large', async () => {
    const user = await newUser();
    const bad: object[] = [
      { value: 1, nope: 1 },
      { value: 1, session_id: 7 },
      { value: 1, session_id: '' },
      { value: 1, version: -1 },
      { value: 1, version: '1' },
      { value: 1, ttl_seconds: 0 },
      { value: 1, ttl_seconds: 1.5 },
      { value: 1, expires_at: 'tomorrow' },
      { value: 1, expires_at: '2020-01-01T00:00:00Z' },
      { value: 1, expires_at: '2999-01-01T00:00:00Z', ttl_seconds: 5 },
      { value: 'a\0b' },
      { value: { key: '\ud800' } },
    ];
    for (const body of bad) expectProblem(await user.put('/memory/bad', body), 400);
    for (const memories of [{}, [], 'x', null, undefined]) expectProblem(await user.put('/memory', { memories }), 400);
    for (const query of [
      'limit=-1',
      'limit=abc',
      'limit=1001',
      'nope=1',
      'include_user=1',
      'after=x',
      'key=%00',
      'prefix=',
    ]) {
      for (const path of ['/memory', '/memories']) expectProblem(await user.get(`${path}?${query}`), 400);
    }
    for (const query of ['key=a', 'prefix=a', 'limit=1']) expectProblem(await user.delete(`/memory?${query}`), 400);
    const fits = 'x'.repeat(64 * 1024 - 2);
    expectProblem(await put(user, 'large', `${fits}x`), 400, 'MEMORY_VALUE_TOO_LARGE');
    expectProblem(await user.put('/memory', { memories: { a: 1, b: `${fits}x` } }), 400, 'MEMORY_VALUE_TOO_LARGE');
    expect(await memories(user)).toEqual({});
    expect((await put(user, 'large', fits)).status).toBe(201);
  });
});
