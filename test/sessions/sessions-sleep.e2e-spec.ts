import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';
import { callTool, connectMcp } from '../support/world/mcp';
import { shareThread } from '../support/world/shares';

describe('Sessions that sleep', () => {
  const { app } = world({ SESSION_MAX_CONCURRENT: '1' });
  let organizations = 0;
  let org: string;
  let alice: Client;
  let admin: Client;

  const open = async (id: string, client = alice) => {
    const { body } = await client.post('/sessions', { session_id: id, notebook_id: 'nb' });
    await client.post(`/sessions/${id}/messages`, { role: 'user', content: `Hello from ${id}` });
    return body.thread_id as string;
  };
  const listed = async (state?: string, client = alice): Promise<string[]> =>
    (await client.all('/sessions', { state })).map(({ session_id }) => session_id).sort();

  /** Of two sessions of notebooks, `a` sleeps. */
  beforeEach(async () => {
    org = `org${(organizations += 1)}`;
    [alice, admin] = [await app.as(org, 'alice'), await app.as(org, 'root', 'admin')];
    for (const id of ['a', 'b']) await open(id);
  });

  it('N23 a sleeping session wakes when it is read, and another one sleeps instead', async () => {
    const reads = ['', '?include=messages', '/messages', '/messages?last=1', '/history', '/metadata', '/variables'];
    const more = ['/context', '/state', '/summaries', '/export', '/shares', '/replay', '/events'];
    for (const [n, path] of [...reads, ...more].entries()) {
      const [asleep, awake] = n % 2 ? ['b', 'a'] : ['a', 'b'];
      expect([await listed(), await listed('sleeping')]).toEqual([[awake], [asleep]]);
      expect([path, (await alice.get(`/sessions/${asleep}${path}`)).status]).toEqual([path, 200]);
      expect([await listed(), await listed('sleeping')]).toEqual([[asleep], [awake]]);
    }
  });

  it('N23 wakes for whatever else is done with it', async () => {
    const calls: [string, string, object?][] = [
      ['PATCH', '', { title: 'Kyoto' }],
      ['PATCH', '/metadata', { a: 1 }],
      ['POST', '/truncate', { keep_last: 5 }],
      ['POST', '/replay', {}],
      ['POST', '/summarize', {}],
      ['POST', '/undo'],
      ['POST', '/redo'],
      ['DELETE', '/messages'],
    ];
    for (const [n, [method, path, body]] of calls.entries()) {
      const id = n % 2 ? 'b' : 'a';
      if (path === '/redo')
        await alice.post(`/sessions/${id}/undo`).then(() => alice.get(`/sessions/${n % 2 ? 'a' : 'b'}`));
      expect([path, (await alice.send(method, `/sessions/${id}${path}`, { body })).status]).toEqual([path, 200]);
    }
    expect((await alice.post('/sessions/b/fork', { new_session_id: 'c' })).status).toBe(201);
    expect(await listed()).toEqual(['c']);
    expect((await alice.delete('/sessions/b')).status).toBe(200);
    expectProblem(await alice.get('/sessions/b'), 404, 'SESSION_NOT_FOUND');
  });

  it('N23 sleeps on while it is listed, and for whom it is not', async () => {
    await alice.get('/sessions?state=all');
    expect((await alice.post('/sessions/batch-get', { ids: ['a'] })).body.data).toEqual([null]);
    const strangers = [await app.as(org, 'mallory'), await app.as('globex', 'alice')];
    for (const stranger of strangers) {
      expectProblem(await stranger.get('/sessions/a'), 404, 'SESSION_NOT_FOUND');
      expectProblem(await stranger.get('/sessions/a?owner_id=alice'), 404, 'SESSION_NOT_FOUND');
      expect(await listed('all', stranger)).toEqual([]);
    }
    expect(await listed('sleeping')).toEqual(['a']);
  });

  it('N23 C48 wakes for whom it is shared with, as its owner’s', async () => {
    const threadId = await open('c');
    await alice.get('/sessions/a');
    const bob = await app.as(org, 'bob');
    await shareThread(app, threadId, 'bob');
    expect((await bob.get('/sessions/c?owner_id=alice')).body).toMatchObject({ state: 'active', user_id: 'alice' });
    expect(await listed()).toEqual(['c']);
    expect((await admin.get('/sessions/b/history?owner_id=alice')).status).toBe(200);
    expect(await listed()).toEqual(['b']);
  });

  it('N23 wakes for a model’s client, and once for many who read it at the same time', async () => {
    const mcp = await connectMcp(app.url, alice);
    expect(await callTool(mcp, 'get_context', { session_id: 'a' })).toMatchObject({ total: 1 });
    await mcp.close();
    expect(await listed()).toEqual(['a']);
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.get('/sessions/b/messages')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect([await listed(), await listed('sleeping')]).toEqual([['b'], ['a']]);
  });

  it('C03 with reject, one that sleeps is 429 while there is no room', async () => {
    const strict = alice.at((await app.second({ SESSION_EVICTION_POLICY: 'reject' })).url);
    expectProblem(await strict.get('/sessions/a'), 429, 'TOO_MANY_SESSIONS');
    await alice.delete('/sessions/b');
    expect((await strict.get('/sessions/a')).status).toBe(200);
  });

  it('A15 lists by state, prefix and user; each session says its own', async () => {
    for (const id of ['plain-1', 'plain-2'])
      await alice.post(`/sessions/${id}/messages`, { role: 'user', content: 'x' });
    const archived = (await alice.get('/sessions/plain-2')).body.thread_id;
    await alice.post(`/threads/${archived}/archive`);
    await alice.createThread('No session');
    expect(await listed()).toEqual(['b', 'plain-1']);
    expect(await listed('active')).toEqual(['b', 'plain-1']);
    expect(await listed('sleeping')).toEqual(['a']);
    expect(await listed('archived')).toEqual(['plain-2']);
    expect(await listed('all')).toEqual(['a', 'b', 'plain-1', 'plain-2']);
    expect(await listed('all', admin)).toEqual(['a', 'b', 'plain-1', 'plain-2']);
    const { body } = await alice.get('/sessions?state=all&include_total=true&sort_by=created_at&order=asc&limit=3');
    expect(body.data.map((one: any) => one.state)).toEqual(['sleeping', 'active', 'active']);
    expect(body.total).toBe(4);
    const prefixed = (await alice.get('/sessions?state=all&prefix=plain&include_total=true')).body;
    expect([prefixed.total, prefixed.data.length]).toEqual([2, 2]);
    expect((await alice.get('/sessions?state=sleeping&prefix=b')).body.data).toEqual([]);
    expect((await alice.get('/sessions?active=true')).body.data).toHaveLength(2);
    expectProblem(await alice.get('/sessions?active=true&state=all'), 400, 'BAD_REQUEST');
    expectProblem(await alice.get('/sessions?state=tired'), 400, 'VALIDATION_FAILED');
    const state = (await alice.get('/sessions/plain-1/state')).body;
    expect((await alice.put('/sessions/plain-1/state', state)).status).toBe(200);
  });
});
