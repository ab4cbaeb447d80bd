import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { Agent } from 'undici';
import { world } from '../support/world';
import { Client, expectProblem, type Response } from '../support/world/client';
import { makeKey as insertKey } from '../support/world/keys';
import { eventually } from '../support/world/events';
import { PostgresProcess } from '../support/servers/postgres-process';
import { startServer } from '../support/servers/server-process';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';

describe('API keys', () => {
  const { app, admin } = world();

  const bearer = (key: string, at = app) => at.anonymous().with({ authorization: `Bearer ${key}` });

  async function makeKey(fields: object = {}): Promise<any> {
    const { status, body, headers } = await admin.post('/keys', { name: 'test', role: 'admin', ...fields });
    expect(status).toBe(201);
    expect(headers['cache-control']).toBe('no-store');
    return body;
  }

  /** Asks until the key is refused: usually for a second, and as long as a busy machine takes. */
  const untilRefused = (client: Client) => eventually(async () => (await client.get('/keys')).status === 401);

  it('X03 a key is shown once, and only its hash is stored', async () => {
    const created = await makeKey({ name: ' backend ', role: 'member', user_id: 'zoë' });
    const { key, ...view } = created;
    expect(view).toEqual({
      ...{ id: expect.any(String), name: 'backend', role: 'member', user_id: 'zoë' },
      ...{ created_at: expect.stringMatching(/Z$/), expires_at: null, last_used_at: null },
    });
    expect(key).toMatch(/^tl_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
    expect((await admin.get(`/keys/${view.id}`)).body).toEqual(view);
    const { rows } = await app.db.query('SELECT * FROM api_keys WHERE id = $1', [view.id]);
    const secret = key.slice(36);
    expect(rows[0].secret_hash).toEqual(createHash('sha256').update(secret).digest());
    expect(JSON.stringify(rows[0])).not.toContain(secret);
    const users = await app.db.query(`SELECT role FROM users WHERE org_id = 'acme' AND id = 'zoë'`);
    expect(users.rows).toEqual([{ role: 'member' }]);
  });

  it('a key works, notes its use, and ends with its revocation', async () => {
    const { id, key } = await makeKey();
    expect((await bearer(key).get('/keys')).status).toBe(200);
    await eventually(async () => /Z$/.test((await admin.get(`/keys/${id}`)).body.last_used_at));
    expect((await admin.delete(`/keys/${id}`)).body).toEqual({ deleted: true, id });
    expectProblem(await bearer(key).get('/keys'), 401, 'INVALID_API_KEY');
    expectProblem(await admin.delete(`/keys/${id}`), 404, 'KEY_NOT_FOUND');
    expectProblem(await admin.get(`/keys/${id}`), 404, 'KEY_NOT_FOUND');
    expect((await admin.all('/keys')).map((item) => item.id)).not.toContain(id);
  });

  it('lists newest first, page by page', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await makeKey()).id);
    const all = await admin.all('/keys', { limit: 2 });
    expect(all.slice(0, 5).map((item) => item.id)).toEqual(ids);
    expect(all.some((item) => 'key' in item || 'secret_hash' in item)).toBe(false);
    expect((await admin.all('/keys', { limit: 2, order: 'asc' })).reverse()).toEqual(all);
    expect((await admin.get('/keys', { query: { limit: 1, offset: 1 } })).body.data[0].id).toBe(ids[1]);
    expect((await admin.get('/keys', { query: { limit: 0 } })).body).toMatchObject({ data: [], has_more: false });
    expectProblem(await admin.get('/keys', { query: { after: 'forged' } }), 400, 'INVALID_CURSOR');
  });

  it.each([
    [{ role: 'member' }, 'user_id'],
    [{ role: 'service', user_id: 'alice' }, 'user_id'],
    [{ role: 'owner' }, 'role'],
    [{ name: '  ' }, 'name'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    [{ user_id: 'a\u0007' }, 'user_id'],
    [{ org_id: 'globex' }, 'org_id'],
  ])('refuses to make %j', async (fields, field) => {
    const answer = await admin.post('/keys', { name: 'test', role: 'admin', ...fields });
    expectProblem(answer, 400, 'VALIDATION_FAILED');
    expect(answer.body.errors[0].field).toBe(field);
  });

  it('an admin of another organization does not find a key, and members may not look', async () => {
    const { id, key } = await makeKey();
    const mallory = await app.as('globex', 'root', 'admin');
    const missing = await mallory.get(`/keys/${UNKNOWN}`);
    for (const answer of [await mallory.get(`/keys/${id}`), await mallory.delete(`/keys/${id}`)]) {
      expectProblem(answer, 404, 'KEY_NOT_FOUND');
      expect(answer.body.detail).toBe(missing.body.detail.replace(UNKNOWN, id));
    }
    expectProblem(await mallory.delete('/keys/nonsense'), 404, 'KEY_NOT_FOUND');
    expect((await mallory.all('/keys')).map((item) => item.id)).not.toContain(id);
    expect((await bearer(key).get('/keys')).status).toBe(200);
    for (const role of ['member', 'service'] as const) {
      const client = await app.as('acme', 'alice', role);
      expectProblem(await client.get('/keys'), 403, 'FORBIDDEN');
      expectProblem(await client.post('/keys', { name: 'x', role: 'admin' }), 403, 'FORBIDDEN');
      expectProblem(await client.delete(`/keys/${id}`), 403, 'FORBIDDEN');
    }
  });

  it('a key ends at its expiry, also when it is remembered', async () => {
    const { key } = await makeKey({ expires_at: Date.now() + 5000 });
    expect((await bearer(key).get('/keys')).status).toBe(200);
    await untilRefused(bearer(key));
    expectProblem(await bearer(key).get('/keys'), 401, 'INVALID_API_KEY');
  });

  it('X03 a revoked key dies on every instance within a second', async () => {
    const other = await app.second();
    const { id, key } = await makeKey();
    const clients = [bearer(key), bearer(key, other)];
    for (const client of clients) expect((await client.get('/keys')).status).toBe(200);
    await sleep(1200); // Past the first polls, so that only they keep the entries.
    for (const client of clients) expect((await client.get('/keys')).status).toBe(200);
    await admin.delete(`/keys/${id}`);
    expectProblem(await clients[0].get('/keys'), 401, 'INVALID_API_KEY');
    await untilRefused(clients[1]);
  });

  it('X03 also when it was revoked by another process', async () => {
    const { id, key } = await makeKey();
    const client = bearer(key);
    expect((await client.get('/keys')).status).toBe(200);
    await app.db.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
    await untilRefused(client);
  });

  it('refuses what is no key', async () => {
    const { key } = await makeKey();
    const wrong = [
      key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'),
      key.slice(0, -10),
      'tl_',
      `tl_${'0'.repeat(32)}_x`,
    ];
    for (const text of [...wrong, key.replace(/^tl_.{8}/, 'tl_00000000')]) {
      const answer = await bearer(text).get('/keys');
      expectProblem(answer, 401, 'INVALID_API_KEY');
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    }
    for (const authorization of ['', 'Bearer', 'Basic YTpi', key, `Bearer ${key} ${key}`]) {
      expectProblem(await app.anonymous().with({ authorization }).get('/keys'), 401, 'UNAUTHENTICATED');
    }
    const answer = await app.anonymous().get('/keys');
    expectProblem(answer, 401, 'UNAUTHENTICATED');
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  describe('X-User-Id', () => {
    const asUser = (client: Client, user: string) => client.with({ 'x-user-id': Buffer.from(user).toString('latin1') });
    const forbidden = (answer: Response) => expectProblem(answer, 403, 'FORBIDDEN');

    it('names whom a service acts for', async () => {
      const service = bearer((await makeKey({ role: 'service' })).key);
      expectProblem(await service.get('/keys'), 400, 'USER_ID_REQUIRED');
      for (const bad of ['', 'x'.repeat(256)])
        expectProblem(await asUser(service, bad).get('/keys'), 400, 'INVALID_ID');
      expectProblem(await service.with({ 'x-user-id': '\xff' }).get('/keys'), 400, 'INVALID_ID');
      forbidden(await asUser(service, 'alice').get('/keys'));
    });

    it('F50 makes threads of that user, whatever the alphabet', async () => {
      const service = bearer((await makeKey({ role: 'service' })).key);
      const { id } = await asUser(service, 'Zoë 東京').createThread();
      expect((await asUser(service, 'Zoë 東京').get(`/threads/${id}`)).status).toBe(200);
      expectProblem(await asUser(service, 'bob').get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
      const { rows } = await app.db.query('SELECT user_id FROM threads WHERE id = $1', [id]);
      expect(rows).toEqual([{ user_id: 'Zoë 東京' }]);
    });

    it('of another user is refused to members and admins', async () => {
      const member = bearer((await makeKey({ role: 'member', user_id: 'zoë' })).key);
      forbidden(await asUser(member, 'zoë').get('/keys'));
      for (const client of [member, admin]) {
        expectProblem(await asUser(client, 'bob').get('/keys'), 403, 'USER_ID_MISMATCH');
      }
    });
  });
});

describe('API keys without their database', () => {
  it('F66 a key is not refused because the database is away', async () => {
    const postgres = await PostgresProcess.create();
    const server = await startServer({ DATABASE_URL: postgres.url });
    const pool = new Pool({ connectionString: postgres.url });
    pool.on('error', () => undefined); // The database goes away under it.
    const agent = new Agent();
    try {
      const authorization = await insertKey(pool, 'acme', 'alice', 'member');
      const member = new Client(server.url, agent, { authorization });
      expectProblem(await member.get('/keys'), 403, 'FORBIDDEN');
      await postgres.kill();
      await sleep(1000);
      expectProblem(await member.get('/keys'), 503, 'STORE_UNAVAILABLE');
      await postgres.start();
      expectProblem(await member.get('/keys'), 403, 'FORBIDDEN');
    } finally {
      await Promise.all([agent.destroy(), pool.end(), server.stop()]);
      await postgres.remove();
    }
  });
});
