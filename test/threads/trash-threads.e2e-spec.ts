import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';
import { shareThread } from '../support/world/shares';

const ERASE = { query: { erase: true } };

describe('The trash of threads', () => {
  const { app, alice, strangers, thread } = world();

  const made = (name = 'Tokyo') => thread(name, 'Hello', 'Hi');
  const restore = (id: string, client = alice) => client.post(`/threads/${id}/restore`);
  const rows = async (id: string) => (await app.db.query('SELECT FROM threads WHERE id = $1', [id])).rowCount;

  it('X04 a deleted thread is in the trash, the last one first, and comes back whole', async () => {
    const ids = [await made('One'), await made('Two'), await made('Three')];
    const before = (await alice.get(`/threads/${ids[0]}`)).body;
    const messages = await alice.all(`/threads/${ids[0]}/messages`);
    for (const id of ids) expect((await alice.delete(`/threads/${id}`)).body).toEqual({ deleted: true, id });
    const trash = await alice.all('/threads/trash', { limit: 2 });
    expect(trash.map(({ id }) => id)).toEqual([...ids].reverse());
    expect(trash[2]).toMatchObject({ name: 'One', message_count: 2, deleted_at: expect.any(String) });
    expect((await alice.all('/threads/trash', { order: 'asc' })).map(({ id }) => id)).toEqual(ids);
    const { status, body, headers } = await restore(ids[0]);
    expect({ status, etag: headers.etag }).toEqual({ status: 200, etag: `"${body.version}"` });
    expect(body).toEqual({ ...before, version: before.version + 2, updated_at: body.updated_at });
    expect(await alice.all(`/threads/${ids[0]}/messages`)).toEqual(messages);
    expect((await restore(ids[0])).body).toEqual(body);
    expect((await alice.get('/threads/trash')).body.data.map(({ id }: any) => id)).toEqual([ids[2], ids[1]]);
    for (const query of [{ after: 'x' }, { limit: 'x' }])
      expectProblem(await alice.get('/threads/trash', { query }), 400);
  });

  it('C15 is out of sight everywhere else, also for admins, and nobody works in it', async () => {
    const id = await made('Needle');
    const [message] = await alice.all(`/threads/${id}/messages`);
    const copy = (await alice.post(`/threads/${id}/fork`)).body.id;
    await alice.put('/threads/current', { thread_id: id });
    await shareThread(app, id, 'writer', 'write');
    await alice.delete(`/threads/${id}`);
    const clients = [alice, await app.as('acme', 'root', 'admin'), await app.as('acme', 'writer')];
    for (const client of clients) {
      for (const route of ['', '/messages', '/history', '/context', '/summaries', '/messages/trash', '/forks'])
        expectProblem(await client.get(`/threads/${id}${route}`), 404, 'THREAD_NOT_FOUND');
      const bodies: [string, object | undefined][] = [
        ['/messages', { role: 'user', content: 'x' }],
        ['/truncate', { keep_last: 0 }],
        ['/fork', undefined],
        ['/undo', undefined],
        ['/archive', undefined],
        ['/messages/restore', undefined],
      ];
      for (const [route, body] of bodies)
        expectProblem(await client.post(`/threads/${id}${route}`, body), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.patch(`/threads/${id}`, { name: 'x' }), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.delete(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.delete(`/threads/${id}/messages`), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.get(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
      expectProblem(await client.patch(`/messages/${message.id}`, { content: 'x' }), 404, 'MESSAGE_NOT_FOUND');
      const branch = `/messages/${message.id}?branch=true`;
      expectProblem(await client.patch(branch, { content: 'x' }), 404, 'MESSAGE_NOT_FOUND');
      expectProblem(await client.delete(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
      const listed = (await client.get('/threads', { query: { limit: 1000 } })).body.data;
      expect(listed.map((thread: { id: string }) => thread.id)).not.toContain(id);
    }
    expect((await alice.get('/threads/current')).body.thread).toBeNull();
    expectProblem(await alice.put('/threads/current', { thread_id: id }), 404, 'THREAD_NOT_FOUND');
    // What was copied before stays.
    expect((await alice.get(`/threads/${copy}`)).body).toMatchObject({ message_count: 2, parent_thread_id: id });
    await restore(id);
    expect((await alice.get(`/messages/${message.id}`)).body).toEqual(message);
  });

  it('X04 erase=true is final at once, also from the trash', async () => {
    const [live, trashed] = [await made(), await made()];
    expect((await alice.delete(`/threads/${live}`, ERASE)).body).toEqual({ deleted: true, id: live });
    await alice.delete(`/threads/${trashed}`);
    const stale = { ...ERASE, headers: { 'if-match': '"1"' } };
    expectProblem(await alice.delete(`/threads/${trashed}`, stale), 412, 'PRECONDITION_FAILED');
    expect((await alice.delete(`/threads/${trashed}`, ERASE)).status).toBe(200);
    for (const id of [live, trashed]) {
      expect(await rows(id)).toBe(0);
      expectProblem(await restore(id), 404, 'THREAD_NOT_FOUND');
      expectProblem(await alice.delete(`/threads/${id}`, ERASE), 404, 'THREAD_NOT_FOUND');
    }
    const current = await made();
    await alice.put('/threads/current', { thread_id: current });
    expect((await alice.delete('/threads/current')).body).toEqual({ deleted: true, id: current });
    expect(await rows(current)).toBe(1);
    await restore(current);
    await alice.put('/threads/current', { thread_id: current });
    await alice.delete('/threads/current', ERASE);
    expect(await rows(current)).toBe(0);
  });

  it('checks the version before', async () => {
    const id = await made();
    expectProblem(await alice.delete(`/threads/${id}`, { headers: { 'if-match': '"1"' } }), 412, 'PRECONDITION_FAILED');
    expect((await alice.delete(`/threads/${id}`, { headers: { 'if-match': '"2"' } })).status).toBe(200);
  });

  describe('with sessions', () => {
    const open = async (id = randomUUID()) => {
      const { thread_id } = (await alice.post('/sessions', { session_id: id })).body;
      await alice.post(`/sessions/${id}/messages`, { role: 'user', content: 'Hello' });
      await alice.put('/memory/key', { value: 'Kept', session_id: id });
      return { id, threadId: thread_id as string };
    };

    it('C15 the session is gone at once, and is back with its thread, memory and all', async () => {
      const { id, threadId } = await open();
      await alice.delete(`/threads/${threadId}`);
      for (const route of ['', '/messages', '/context', '/state'])
        expectProblem(await alice.get(`/sessions/${id}${route}`), 404, 'SESSION_NOT_FOUND');
      expectProblem(await alice.delete(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
      expect((await alice.get('/memory/key', { query: { session_id: id } })).status).toBe(404);
      expect((await alice.get('/sessions', { query: { limit: 1000 } })).text).not.toContain(id);
      expect((await restore(threadId)).body).toMatchObject({ session_id: id });
      expect((await alice.get(`/sessions/${id}`)).body).toMatchObject({ thread_id: threadId, message_count: 1 });
      expect((await alice.get('/memory/key', { query: { session_id: id } })).body.value).toBe('Kept');
    });

    it('C15 an id that was opened anew stays the new one: the thread comes back without it', async () => {
      const { id, threadId } = await open();
      await alice.delete(`/threads/${threadId}`);
      const anew = await open(id);
      expect(anew.threadId).not.toBe(threadId);
      expect((await restore(threadId)).body).toMatchObject({ session_id: null, message_count: 1 });
      expect((await alice.get(`/sessions/${id}`)).body.thread_id).toBe(anew.threadId);
    });

    it('C18 restored and opened anew at once, the id has one thread', async () => {
      for (let round = 0; round < 10; round += 1) {
        const { id, threadId } = await open();
        await alice.delete(`/threads/${threadId}`);
        const [back, opened] = await Promise.all([restore(threadId), alice.post('/sessions', { session_id: id })]);
        expect(back.status).toBe(200);
        const has = (await alice.get(`/threads/${threadId}`)).body.session_id;
        expect(opened.body.thread_id === threadId).toBe(has === id);
        expect((await alice.get(`/sessions/${id}`)).body.thread_id).toBe(opened.body.thread_id);
      }
    });

    it('C15 in the trash nothing expires before its days are over, and lives on from when it is back', async () => {
      const { id, threadId } = await open();
      await alice.patch(`/sessions/${id}`, { notebook_id: 'nb' });
      await alice.delete(`/threads/${threadId}`);
      const { rows } = await app.db.query('SELECT expires_at FROM threads WHERE id = $1', [threadId]);
      expect(rows).toEqual([{ expires_at: null }]);
      expect((await alice.get('/threads/trash', { query: { limit: 1000 } })).text).toContain(threadId);
      const { body } = await restore(threadId);
      expect(Date.parse(body.expires_at) - Date.parse(body.updated_at)).toBe(24 * 3_600_000);
    });

    it('C15 what has expired and what was deleted are in the trash in one order, page by page', async () => {
      const carol = await app.as('acme', 'carol');
      const ids: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const { thread_id } = (await carol.post('/sessions', { session_id: `s${n}`, notebook_id: 'nb' })).body;
        ids.push(thread_id);
        if (n % 2) await carol.delete(`/threads/${thread_id}`);
        const column = n % 2 ? 'deleted_at' : 'expires_at';
        const time = `now() - interval '${10 - n} min'`;
        await app.db.query(`UPDATE threads SET ${column} = ${time} WHERE id = $1`, [thread_id]);
      }
      const trashed = async (query: object) => (await carol.all('/threads/trash', { ...query })).map(({ id }) => id);
      expect(await trashed({ limit: 2 })).toEqual([...ids].reverse());
      expect(await trashed({ limit: 4, order: 'asc' })).toEqual(ids);
      expect((await carol.get('/threads/trash?offset=2&limit=2')).body.data.map(({ id }: any) => id)).toEqual([
        ids[3],
        ids[2],
      ]);
    });

    it('C03 where SESSION_MAX_CONCURRENT are active, a restored one of a notebook sleeps until its next write', async () => {
      const client = (await app.as('capped', 'alice')).at(
        (await app.second({ SESSION_MAX_CONCURRENT: '1', SESSION_EVICTION_POLICY: 'reject' })).url,
      );
      const { thread_id } = (await client.post('/sessions', { session_id: 'a', notebook_id: 'nb' })).body;
      await client.delete(`/threads/${thread_id}`);
      expect((await client.post('/sessions', { session_id: 'b', notebook_id: 'nb' })).status).toBe(201);
      expect((await client.post(`/threads/${thread_id}/restore`)).body).toMatchObject({
        id: thread_id,
        session_id: null,
      });
      expectProblem(await client.post('/sessions', { session_id: 'a' }), 429, 'TOO_MANY_SESSIONS');
      await client.delete('/sessions/b');
      expect((await client.post('/sessions', { session_id: 'a' })).body).toMatchObject({ thread_id });
    });

    it('DELETE /sessions/{id} stays final: sessions are handles', async () => {
      const { id, threadId } = await open();
      await alice.delete(`/sessions/${id}`);
      expectProblem(await restore(threadId), 404, 'THREAD_NOT_FOUND');
      expect(await rows(threadId)).toBe(0);
    });
  });

  it("F08 strangers neither see nor restore nor erase it: 404, as of what isn't there", async () => {
    const id = await made();
    await alice.delete(`/threads/${id}`);
    for (const client of strangers) {
      expectProblem(await restore(id, client), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.delete(`/threads/${id}`, ERASE), 404, 'THREAD_NOT_FOUND');
      expect((await client.get('/threads/trash')).text).not.toContain(id);
    }
    expectProblem(await strangers[0].get('/threads/trash', { query: { user_id: 'alice' } }), 403, 'OTHER_USER');
    expectProblem(await restore('no-uuid'), 404, 'THREAD_NOT_FOUND');
    const admin = await app.as('acme', 'root', 'admin');
    expect((await admin.get('/threads/trash')).text).not.toContain(id);
    expect((await admin.get('/threads/trash', { query: { user_id: 'alice', limit: 1000 } })).text).toContain(id);
    expect((await restore(id, admin)).body).toMatchObject({ id, user_id: 'alice' });
  });

  it('is for owners only: with whom it is shared, 403 while it is there, 404 in the trash', async () => {
    const id = await made();
    await shareThread(app, id, 'writer', 'write');
    const writer = await app.as('acme', 'writer');
    for (const options of [{}, ERASE])
      expectProblem(await writer.delete(`/threads/${id}`, options), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await restore(id, writer), 403, 'THREAD_NOT_WRITABLE');
    await alice.delete(`/threads/${id}`);
    expectProblem(await restore(id, writer), 404, 'THREAD_NOT_FOUND');
    expectProblem(await writer.delete(`/threads/${id}`, ERASE), 404, 'THREAD_NOT_FOUND');
    await restore(id);
    expect((await writer.get(`/threads/${id}`)).status).toBe(200);
  });

  it('C40 deletes, restores and appends at once lose nothing', async () => {
    const id = await made();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => {
        if (n % 3 === 0) return alice.delete(`/threads/${id}`);
        return n % 3 === 1 ? restore(id) : alice.post(`/threads/${id}/messages`, { role: 'user', content: 'x' });
      }),
    );
    expect(answers.filter(({ status }) => ![200, 201, 404].includes(status))).toEqual([]);
    const added = answers.filter(({ status }) => status === 201).length;
    expect((await restore(id)).body).toMatchObject({ message_count: 2 + added });
    expect((await alice.all(`/threads/${id}/messages`)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 2 + added }, (_, n) => n + 1),
    );
  });

  it('TRASH_RETENTION_DAYS=0 deletes at once', async () => {
    const bare = alice.at((await app.second({ TRASH_RETENTION_DAYS: '0' })).url);
    const id = await made();
    await bare.delete(`/threads/${id}`);
    expect(await rows(id)).toBe(0);
    expectProblem(await restore(id), 404, 'THREAD_NOT_FOUND');
  });
});
