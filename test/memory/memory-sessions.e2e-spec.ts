import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Memory of sessions', () => {
  const { app } = world();
  let count = 0;

  const newUser = (): Promise<Client> => app.as('acme', `user${(count += 1)}`);
  const memories = async (client: Client, query = {}): Promise<any> =>
    (await client.get('/memory', { query })).body.memories;
  const put = (client: Client, key: string, value: unknown, session_id?: string) =>
    client.put(`/memory/${key}`, { value, session_id });
  /** One entry of the user, one of session s under the same key, one of s alone. */
  const scoped = async () => {
    const user = await newUser();
    await put(user, 'a', 'user');
    await put(user, 'both', 'user');
    await put(user, 'b', 'session', 's');
    await put(user, 'both', 'session', 's');
    return user;
  };
  const expire = (user: string) =>
    app.db.query(`UPDATE threads SET expires_at = now() - interval '1 s' WHERE user_id = $1 AND session_id = 's'`, [
      user,
    ]);

  it('S35 C52 keeps two values of one key, and says whose each is', async () => {
    const user = await scoped();
    expect((await user.get('/memory/both')).body).toMatchObject({ value: 'user', session_id: null, version: 1 });
    const inSession = (await user.get('/memory/both', { query: { session_id: 's' } })).body;
    expect(inSession).toMatchObject({ value: 'session', session_id: 's', version: 1 });
    const again = await user.send('PUT', '/memory/both', { query: { session_id: 's' }, body: { value: 'again' } });
    expect([again.status, again.body.version, again.body.session_id]).toEqual([200, 2, 's']);
    const contrary = await user.send('PUT', '/memory/both', {
      query: { session_id: 's' },
      body: { value: 1, session_id: 't' },
    });
    expectProblem(contrary, 400, 'BAD_REQUEST');
    expect((await user.get('/memory/both')).body).toMatchObject({ value: 'user', version: 1 });
  });

  it('S36 C11 reads one scope, or both where the session wins', async () => {
    const user = await scoped();
    expect(await memories(user)).toEqual({ a: 'user', both: 'user' });
    expect(await memories(user, { session_id: 's' })).toEqual({ b: 'session', both: 'session' });
    const merged = { a: 'user', b: 'session', both: 'session' };
    expect(await memories(user, { session_id: 's', include_user: 'true' })).toEqual(merged);
    expect(await memories(user, { session_id: 'other' })).toEqual({});
    expect(await memories(user, { session_id: 'other', include_user: 'true' })).toEqual({ a: 'user', both: 'user' });
    expect(await memories(user, { include_user: 'true' })).toEqual({ a: 'user', both: 'user' });
  });

  it('S36 pages through both scopes without losing or doubling a key', async () => {
    const user = await newUser();
    const keys = (from: number, to: number) =>
      Object.fromEntries(
        Array.from({ length: to - from }, (_, n) => [`key${String(from + n).padStart(2, '0')}`, from + n]),
      );
    await user.put('/memory', { memories: keys(0, 20) });
    await user.put('/memory', { memories: keys(10, 30), session_id: 's' });
    for (const order of ['asc', 'desc']) {
      const query = { session_id: 's', include_user: 'true', limit: 7, order, include_total: 'true' };
      const items = await user.all('/memories', query);
      const found = items.map((item) => item.key);
      expect(order === 'asc' ? found : found.reverse()).toEqual(Object.keys(keys(0, 30)));
      expect(items.filter((item) => item.session_id === 's')).toHaveLength(20);
      expect((await user.get('/memories', { query })).body.total).toBe(30);
    }
  });

  it('S37 deletes in the named scope only', async () => {
    const user = await scoped();
    expect((await user.delete('/memory/both')).status).toBe(200);
    expect(await memories(user, { session_id: 's' })).toEqual({ b: 'session', both: 'session' });
    expectProblem(await user.delete('/memory/both'), 404, 'MEMORY_NOT_FOUND');
    expectProblem(await user.delete('/memory/b'), 404, 'MEMORY_NOT_FOUND');
    expect((await user.delete('/memory/b', { query: { session_id: 's' } })).body.deleted).toBe(true);
    expect(await memories(user, { session_id: 's' })).toEqual({ both: 'session' });
  });

  it('S38 clears all scopes and counts them, or one session', async () => {
    const [other, user] = [await scoped(), await scoped()];
    expect((await user.delete('/memory', { query: { session_id: 's' } })).body).toEqual({ count: 2 });
    expect(await memories(user)).toEqual({ a: 'user', both: 'user' });
    await put(user, 'b', 'session', 's');
    expect((await user.delete('/memory')).body).toEqual({ count: 3 });
    expect(await memories(user, { session_id: 's', include_user: 'true' })).toEqual({});
    expect(await memories(other, { session_id: 's', include_user: 'true' })).toHaveProperty('both', 'session');
  });

  it('S09 S39 C12 keeps the memory of the user when sessions end, and that of the session goes with it', async () => {
    const user = await scoped();
    await put(user, 'b', 'other', 'other');
    expect((await user.delete('/sessions/s')).status).toBe(200);
    expect(await memories(user)).toEqual({ a: 'user', both: 'user' });
    expect(await memories(user, { session_id: 'other' })).toEqual({ b: 'other' });
    expectProblem(await user.get('/memory/b', { query: { session_id: 's' } }), 404, 'MEMORY_NOT_FOUND');
    await put(user, 'new', 1, 's');
    expect(await memories(user, { session_id: 's' })).toEqual({ new: 1 });
  });

  it('C12 C15 is gone at once when the session has expired, on every route', async () => {
    const user = await scoped();
    const query = { session_id: 's' };
    await expire(`user${count}`);
    expect(await memories(user, query)).toEqual({});
    expect(await memories(user, { ...query, include_user: 'true' })).toEqual({ a: 'user', both: 'user' });
    for (const path of ['/memory/b', '/memory/b/history']) {
      expectProblem(await user.get(path, { query }), 404, 'MEMORY_NOT_FOUND');
    }
    expectProblem(await user.delete('/memory/b', { query }), 404, 'MEMORY_NOT_FOUND');
    // Saved again, the session begins anew, and so does its memory.
    expect((await put(user, 'both', 'anew', 's')).body.version).toBe(1);
    expect(await memories(user, query)).toEqual({ both: 'anew' });
    await expire(`user${count}`);
    expect((await user.delete('/memory')).body).toEqual({ count: 2 });
  });

  it('C07 belongs to one user of one organization: the same session id is another session', async () => {
    const user = await scoped();
    for (const stranger of [await newUser(), await app.as('globex', `user${count - 1}`, 'admin')]) {
      const query = { session_id: 's' };
      expect(await memories(stranger, { ...query, include_user: 'true' })).toEqual({});
      expectProblem(await stranger.get('/memory/b', { query }), 404, 'MEMORY_NOT_FOUND');
      expectProblem(await stranger.delete('/memory/b', { query }), 404, 'MEMORY_NOT_FOUND');
      expect((await stranger.delete('/memory', { query })).body).toEqual({ count: 0 });
      expect((await put(stranger, 'b', 'mine', 's')).status).toBe(201);
    }
    expect(await memories(user, { session_id: 's' })).toEqual({ b: 'session', both: 'session' });
  });

  it('U142 session_scoped_memory', async () => {
    const user = await newUser();
    await put(user, 'global_note', 'everywhere');
    await put(user, 'note', 'here', 'session1');
    const inSession = await memories(user, { session_id: 'session1' });
    expect(inSession).toEqual({ note: 'here' });
    expect(inSession).not.toHaveProperty('global_note');
    expect(await memories(user)).toEqual({ global_note: 'everywhere' });
  });

  it('S48 S39 the whole workflow, twice: the second session knows the fact, not the words', async () => {
    const user = await newUser();
    const turn = async (session_id: string, question: string) => {
      expect((await user.post('/sessions', { session_id })).status).toBe(201);
      const facts = await memories(user, { session_id, include_user: 'true' });
      const { body } = await user.get(`/sessions/${session_id}/messages`, { query: { limit: 20 } });
      const prompt = [
        { role: 'system', content: `Known: ${JSON.stringify(facts)}` },
        ...body.data.map(({ role, content }: any) => ({ role, content })),
        { role: 'user', content: question },
      ];
      const answer = { role: 'assistant', content: 'Noted.' };
      const stored = await user.post(`/sessions/${session_id}/messages`, { messages: [prompt.at(-1), answer] });
      expect(stored.status).toBe(201);
      expect((await put(user, 'city', 'Tokyo')).status).toBeLessThan(300);
      return prompt;
    };
    expect(await turn('first', 'I live in Tokyo.')).toEqual([
      { role: 'system', content: 'Known: {}' },
      { role: 'user', content: 'I live in Tokyo.' },
    ]);
    expect(await turn('second', 'Where do I live?')).toEqual([
      { role: 'system', content: 'Known: {"city":"Tokyo"}' },
      { role: 'user', content: 'Where do I live?' },
    ]);
    expect(await memories(await newUser(), { session_id: 'second', include_user: 'true' })).toEqual({});
  });

  it('saves of one session while it is being deleted end in one of the two', async () => {
    const user = await newUser();
    await put(user, 'k', 0, 's');
    const saves = Array.from({ length: 20 }, (_, n) => put(user, `k${n % 5}`, n, 's'));
    const answers = await Promise.all([...saves, user.delete('/sessions/s'), ...saves]);
    for (const { status } of answers) expect([200, 201]).toContain(status);
    const { rows } = await app.db.query(
      `SELECT count(*) AS n FROM memories WHERE user_id = $1 AND session_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = memories.user_id AND s.id = memories.session_id)`,
      [`user${count}`],
    );
    expect(rows[0].n).toBe(0);
  });
});
