import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../support/world';
import type { TestEnvironment } from '../support/world/app';
import { expectProblem } from '../support/world/client';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';

const HOUR_MS = 3_600_000;

describe('The life of a session', () => {
  const { app, alice, say } = world();

  const at = async (env: TestEnvironment) => alice.at((await app.second(env)).url);
  const get = async (id: string, client = alice): Promise<any> => (await client.get(`/sessions/${id}`)).body;
  /** Lets it end so many seconds from now. */
  const endIn = (id: string, seconds: number) =>
    app.db.query(`UPDATE threads SET expires_at = now() + $2::float * interval '1 s' WHERE session_id = $1`, [
      id,
      seconds,
    ]);
  const leftMs = async (id: string): Promise<number> =>
    (
      await app.db.query(
        'SELECT extract(epoch FROM expires_at - now())::float * 1000 AS ms FROM threads WHERE session_id = $1',
        [id],
      )
    ).rows[0].ms;
  const open = (id: string, client = alice) => client.post('/sessions', { session_id: id, notebook_id: 'nb' });
  const lifetimeOf = (session: any) => Date.parse(session.expires_at) - Date.parse(session.last_activity);

  it('P31 U56 C15 is over at once, on every route, without any cleanup', async () => {
    await alice.post('/sessions', { session_id: 'over', notebook_id: 'nb', variables: { a: 1 } });
    const message = (await say('over')).body;
    const { thread_id } = await get('over');
    await alice.put('/threads/current', { thread_id });
    await endIn('over', -0.001);
    const body = { role: 'user', content: 'x' };
    for (const path of [
      '',
      '?include=messages',
      '/messages',
      '/messages?last=1',
      '/history',
      '/metadata',
      '/variables',
    ]) {
      expectProblem(await alice.get(`/sessions/over${path}`), 404, 'SESSION_NOT_FOUND');
    }
    expectProblem(await alice.patch('/sessions/over', { title: 'x' }), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.patch('/sessions/over/metadata', {}), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.patch('/sessions/over/variables', {}), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.delete('/sessions/over/messages'), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.delete('/sessions/over'), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.post('/sessions/over/messages?persist=false', body), 404, 'SESSION_NOT_FOUND');
    for (const path of ['', '/messages', '/history']) {
      expectProblem(await alice.get(`/threads/${thread_id}${path}`), 404, 'THREAD_NOT_FOUND');
    }
    expectProblem(await alice.patch(`/threads/${thread_id}`, { name: 'x' }), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.post(`/threads/${thread_id}/messages`, body), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.post(`/threads/${thread_id}/archive`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.delete(`/threads/${thread_id}`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.get(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await alice.patch(`/messages/${message.id}`, { content: 'x' }), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await alice.delete(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
    expect((await alice.get('/threads/current')).body.thread).toBeNull();
    expect((await alice.delete('/sessions?prefix=over')).body).toEqual({ deleted: 0 });
    expect((await alice.post('/sessions/batch-get', { ids: ['over'] })).body.data).toEqual([null]);
    for (const client of [alice, await app.as('acme', 'root', 'admin')]) {
      expect((await client.get('/sessions?prefix=over&include_total=true')).body).toMatchObject({ data: [], total: 0 });
      expect((await client.get('/threads')).text).not.toContain(thread_id);
    }
  });

  it('U57 begins anew with the next write, empty, though the old rows are still there', async () => {
    const id = randomUUID();
    await alice.post('/sessions', { session_id: 'anew', metadata: { a: 1 }, variables: { v: 1 }, notebook_id: 'nb' });
    const message = { id, role: 'user', content: 'old' };
    await alice.post('/sessions/anew/messages', message);
    const before = await get('anew');
    await endIn('anew', -1);
    // The same message stands in the trash: there it keeps its id.
    expectProblem(await alice.post('/sessions/anew/messages', message), 409, 'MESSAGE_ID_CONFLICT');
    const again = await alice.post('/sessions/anew/messages', { ...message, id: undefined });
    expect(again).toMatchObject({ status: 201, body: { seq: 1 } });
    const after = await get('anew');
    expect(after).toMatchObject({ message_count: 1, metadata: {}, variables: [], notebook_id: null, title: 'anew' });
    expect(after.thread_id).not.toBe(before.thread_id);
    expect(after.created_at > before.created_at).toBe(true);
    await endIn('anew', -1);
    const opened = await alice.post('/sessions', { session_id: 'anew' });
    expect([opened.status, opened.body.messages]).toEqual([201, []]);
    // What it was is in the trash, as a thread without a session.
    const { data } = (await alice.get('/threads/trash')).body;
    expect(data.map(({ id }: any) => id)).toEqual(expect.arrayContaining([before.thread_id, after.thread_id]));
    const back = (await alice.post(`/threads/${before.thread_id}/restore`)).body;
    expect(back).toMatchObject({ session_id: null, message_count: 1, expires_at: null });
    const none = await at({ TRASH_RETENTION_DAYS: '0' });
    await endIn('anew', -1);
    await none.post('/sessions', { session_id: 'anew' });
    const { rows } = await app.db.query('SELECT id FROM threads WHERE id = $1', [opened.body.thread_id]);
    expect(rows).toEqual([]);
  });

  it('N22 C15 a session without a notebook outlives 24 hours, and any number of them', async () => {
    await say('plain');
    await open('notebook');
    const [plain, notebook] = [await get('plain'), await get('notebook')];
    expect(plain.expires_at).toBeNull();
    expect(lifetimeOf(notebook)).toBe(24 * HOUR_MS);
    const threads = [(await alice.get(`/threads/${plain.thread_id}`)).body, (await alice.get('/threads')).body.data[0]];
    expect(threads[0].expires_at).toBeNull();
    expect(threads[1]).toMatchObject({ id: notebook.thread_id, expires_at: notebook.expires_at });
    await app.db
      .query(`UPDATE threads SET updated_at = updated_at - interval '25 h', expires_at = expires_at - interval '25 h'
      WHERE session_id IN ('plain', 'notebook')`);
    expect((await get('plain')).message_count).toBe(1);
    expectProblem(await alice.get('/sessions/notebook'), 404, 'SESSION_NOT_FOUND');
    const ttl = await at({ SESSION_TTL_SECONDS: '60' });
    await say('with-ttl', 'Hello', ttl);
    expect(Math.abs(lifetimeOf(await get('with-ttl', ttl)) - 60_000)).toBeLessThan(30_000);
  });

  it('N22 C15 has the age of notebooks from when it is one until it is none', async () => {
    await alice.post('/sessions', { session_id: 'becomes' });
    const notebook_id = 'nb';
    const patched = (await alice.patch('/sessions/becomes', { notebook_id })).body;
    expect(lifetimeOf(patched)).toBeGreaterThan(24 * HOUR_MS - 60_000);
    expect((await alice.patch('/sessions/becomes', { notebook_id: null })).body.expires_at).toBeNull();
    const saved = await alice.put('/sessions/becomes/state', { history: [], notebook_id });
    expect(saved.body.expires_at).not.toBeNull();
    expect((await alice.put('/sessions/becomes/state', { history: [] })).body.expires_at).not.toBeNull();
    expect((await alice.put('/sessions/becomes/state', { history: [], notebook_id: null })).body.expires_at).toBeNull();
    await alice.post('/agent/quick', { query: 'Hello?', context: { notebook_id, session_id: 'becomes' } });
    expect((await get('becomes')).expires_at).not.toBeNull();
    expect((await alice.post('/sessions/becomes/fork', { new_session_id: 'fork' })).body.expires_at).not.toBeNull();
    const file = { schema_version: 2, session: { id: 'fork' }, messages: [] };
    await alice.post('/sessions/import?overwrite=true', file);
    expect(await get('fork')).toMatchObject({ notebook_id: null, expires_at: null });
  });

  it('N22 C15 what has expired is in its owner’s trash at once, and comes back whole, memory and all', async () => {
    await open('ended');
    await say('ended', 'Kept');
    await alice.put('/memory/fact', { value: 1, session_id: 'ended' });
    const { thread_id } = await get('ended');
    await endIn('ended', -1);
    const [trashed] = (await alice.get('/threads/trash')).body.data;
    expect(trashed).toMatchObject({ id: thread_id, session_id: null, expires_at: null, message_count: 1 });
    expect(Date.now() - Date.parse(trashed.deleted_at)).toBeLessThan(60_000);
    const path = `/threads/${thread_id}/restore`;
    for (const stranger of [await app.as('acme', 'mallory'), await app.as('globex', 'alice')]) {
      expectProblem(await stranger.post(path), 404, 'THREAD_NOT_FOUND');
      expect((await stranger.get('/threads/trash')).text).not.toContain(thread_id);
    }
    const none = await at({ TRASH_RETENTION_DAYS: '0' });
    expectProblem(await none.post(path), 404, 'THREAD_NOT_FOUND');
    expect((await none.get('/threads/trash')).text).not.toContain(thread_id);
    expect((await alice.post(path)).body).toMatchObject({ session_id: 'ended', message_count: 1 });
    const back = await get('ended');
    expect(lifetimeOf(back)).toBeGreaterThan(24 * HOUR_MS - 60_000);
    expect((await alice.get('/memory/fact', { query: { session_id: 'ended' } })).body.value).toBe(1);
  });

  it('U57 U60 begins anew once, when thirty writes come at the same time', async () => {
    await say('crowd', 'old');
    await endIn('crowd', -1);
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => say('crowd', `${n}`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(201));
    const { data, total } = (await alice.get('/sessions/crowd/messages')).body;
    expect([total, data.map((message: any) => message.seq)]).toEqual([30, Array.from({ length: 30 }, (_, n) => n + 1)]);
    expect([await brokenCounters(app.db), await threadsWithGaps(app.db)]).toEqual([[], []]);
  });

  it('P32 U58 C13 a read lets it live on, and moves last_accessed_at only', async () => {
    const client = await at({ SESSION_TTL_SECONDS: '600' });
    await say('slides', 'Hello', client);
    const before = await get('slides', client);
    expect(lifetimeOf(before)).toBeGreaterThan(599_000);
    for (const path of [
      '',
      '?include=messages',
      '/messages',
      '/messages?last=1',
      '/history',
      '/metadata',
      '/variables',
    ]) {
      await endIn('slides', 30);
      const { last_accessed_at } = (await client.get('/sessions?prefix=slides')).body.data[0];
      expect((await client.get(`/sessions/slides${path}`)).status).toBe(200);
      expect(await leftMs('slides')).toBeGreaterThan(500_000);
      const after = (await client.get('/sessions?prefix=slides')).body.data[0];
      expect(after.last_accessed_at > last_accessed_at).toBe(true);
      expect([after.last_activity, after.version]).toEqual([before.last_activity, before.version]);
    }
    const stranger = (await app.as('acme', 'bob')).at((await app.second({ SESSION_TTL_SECONDS: '600' })).url);
    await endIn('slides', 30);
    expectProblem(await stranger.get('/sessions/slides'), 404, 'SESSION_NOT_FOUND');
    for (const path of ['/sessions', '/sessions?prefix=slides', '/sessions/slides/messages?limit=0']) {
      expect((await client.get(path)).status).toBe(200);
    }
    await client.post('/sessions/batch-get', { ids: ['slides'] });
    expect(await leftMs('slides')).toBeLessThan(30_000);
    await say('slides', 'Hello', client);
    expect(await leftMs('slides')).toBeGreaterThan(500_000);
  });

  it('G23 P31 P32 lives while it is read, and ends while it is only listed', async () => {
    const client = await at({ SESSION_TTL_SECONDS: '3' });
    for (const id of ['read', 'listed', 'written']) await say(id, 'Hello', client);
    for (let turn = 0; turn < 15; turn += 1) {
      await sleep(300);
      expect((await client.get('/sessions/read/history')).status).toBe(200);
      expect((await say('written', 'again', client)).status).toBe(201);
      await client.get('/sessions?prefix=listed');
      await client.get('/sessions/listed/messages?limit=0');
      await client.post('/sessions/batch-get', { ids: ['listed'] });
    }
    expectProblem(await client.get('/sessions/listed'), 404, 'SESSION_NOT_FOUND');
    expect((await get('written', client)).message_count).toBe(16);
    expect((await say('listed', 'anew', client)).body.seq).toBe(1);
  });

  it('U58 counts in fractions of a second', async () => {
    const client = await at({ SESSION_TTL_SECONDS: '20.25' });
    await say('fraction', 'Hello', client);
    const listed = (await client.get('/sessions?prefix=fraction')).body.data[0];
    expect(Math.abs(lifetimeOf(listed) - 20_250)).toBeLessThan(100);
  });

  it('C57 SESSION_MAX_AGE_HOURS ends it though it is read', async () => {
    const client = await at({ SESSION_MAX_AGE_HOURS: '0.002', SESSION_TTL_SECONDS: '3600' });
    await open('aged', client);
    for (let turn = 0; turn < 3; turn += 1) {
      expect(Math.abs(lifetimeOf(await get('aged', client)) - 7200)).toBeLessThan(100);
      await sleep(100);
    }
    while ((await client.get('/sessions/aged')).status === 200) await sleep(200);
    expectProblem(await client.get('/sessions/aged'), 404, 'SESSION_NOT_FOUND');
  });

  it('N25 U24c U55 lives as long as the configuration says, 0 for ever; a resume takes a new one over', async () => {
    await open('resumed');
    expect(lifetimeOf(await get('resumed'))).toBeGreaterThan(24 * HOUR_MS - 60_000);
    const hour = await at({ SESSION_MAX_AGE_HOURS: '1' });
    await hour.post('/sessions', { session_id: 'resumed' });
    expect(Math.abs(lifetimeOf(await get('resumed', hour)) - HOUR_MS)).toBeLessThan(60_000);
    const ever = await at({ SESSION_MAX_AGE_HOURS: '0', SESSION_TTL_SECONDS: '0' });
    expect((await ever.post('/sessions', { session_id: 'resumed' })).body.expires_at).toBeNull();
    await say('forever', 'Hello', ever);
    expect((await get('forever', ever)).expires_at).toBeNull();
    await alice.get('/sessions/forever');
    expect((await get('forever')).expires_at).toBeNull();
    const ttl = await at({ SESSION_MAX_AGE_HOURS: '0', SESSION_TTL_SECONDS: '60' });
    expect(Math.abs(lifetimeOf((await ttl.post('/sessions', { session_id: 'forever' })).body) - 60_000)).toBeLessThan(
      30_000,
    );
  });

  it('P32 C15 a read never shortens its life, also under a shorter one; a memory saved for it lengthens it', async () => {
    await open('aged');
    await app.db.query(`UPDATE threads SET updated_at = now() - interval '10 days' WHERE session_id = 'aged'`);
    const strict = await at({ SESSION_TTL_SECONDS: '3600', SESSION_MAX_AGE_HOURS: '24' });
    for (let reads = 0; reads < 2; reads += 1) expect((await strict.get('/sessions/aged/metadata')).status).toBe(200);
    expect(await leftMs('aged')).toBeGreaterThan(23 * HOUR_MS);
    await endIn('aged', 60);
    await alice.put('/memory/fact', { value: 1, session_id: 'aged' });
    expect(await leftMs('aged')).toBeGreaterThan(23 * HOUR_MS);
  });

  it('P32 C08 a resume lets it live on too, also one that says nothing, or that shortens its life', async () => {
    const client = await at({ SESSION_TTL_SECONDS: '600' });
    await say('taken-up', 'Hello', client);
    await endIn('taken-up', 30);
    expect((await client.post('/sessions', { session_id: 'taken-up' })).status).toBe(200);
    expect(await leftMs('taken-up')).toBeGreaterThan(500_000);
    await open('old');
    await say('old');
    await app.db.query(`UPDATE threads SET updated_at = now() - interval '3 h' WHERE session_id = 'old'`);
    const hour = await at({ SESSION_MAX_AGE_HOURS: '1' });
    const resumed = await hour.post('/sessions', { session_id: 'old' });
    expect([resumed.status, resumed.body.message_count]).toEqual([200, 1]);
    expect((await hour.get('/sessions/old')).status).toBe(200);
  });

  it.each([
    ['SESSION_TTL_SECONDS', 'abc'],
    ['SESSION_TTL_SECONDS', '-1'],
    ['SESSION_MAX_AGE_HOURS', '-0.5'],
    ['SESSION_MAX_CONCURRENT', '1.5'],
    ['SESSION_MAX_CONCURRENT', '-1'],
    ['SESSION_EVICTION_POLICY', 'fifo'],
    ['SESSION_HISTORY_LIMIT', 'many'],
    ['SESSION_SIZE_WARNING_TOKENS', '-1'],
  ])('N28 no server starts with %s=%s', (name, value) => expect(app.second({ [name]: value })).rejects.toThrow(name));
});
