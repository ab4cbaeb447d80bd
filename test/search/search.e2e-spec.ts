import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';

type Query = Record<string, string | number>;

describe('Search over messages', () => {
  let app: TestApp;
  let alice: Client;
  let strangers: Client[];

  const found = async (client: Client, query: Query, path = '/messages/search') => {
    const { status, body, text } = await client.get(path, { query });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body.data;
  };
  const textsOf = async (client: Client, query: Query, path?: string): Promise<string[]> =>
    (await found(client, query, path)).map(({ content }: any) => content.text);
  const share = (threadId: string, userId: string, expires = 'NULL') =>
    app.db.query(
      `INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by, expires_at)
       VALUES ('acme', gen_random_uuid(), $1, $2, 'read', 'alice', ${expires})`,
      [threadId, userId],
    );

  beforeAll(async () => {
    app = await startTestApp();
    alice = await app.as('acme', 'alice');
    strangers = [await app.as('acme', 'bob'), await app.as('globex', 'alice'), await app.as('globex', 'root', 'admin')];
    // Everybody has a user row and something of the same words.
    for (const stranger of strangers) {
      const { id } = await stranger.createThread('Theirs');
      await stranger.addMessage(id, 'A stranger searches a lighthouse');
    }
  });
  afterAll(() => app.close());

  it('F47 U88 finds messages by their words in own threads only; no hit is []', async () => {
    const { id } = await alice.createThread('Coast');
    const message = await alice.addMessage(id, 'The lighthouse of Cape Finisterre');
    await alice.addMessage(id, 'Bread and butter');
    const [hit, ...rest] = await found(alice, { q: 'lighthouse finisterre' });
    expect(rest).toEqual([]);
    expect(hit).toMatchObject({
      ...(await alice.get(`/messages/${message.id}`)).body,
      thread_name: 'Coast',
      session_id: null,
      snippet: 'The <mark>lighthouse</mark> of Cape <mark>Finisterre</mark>',
    });
    expect(hit.score).toBeGreaterThan(0);
    for (const stranger of strangers) {
      expect([...new Set(await textsOf(stranger, { q: 'lighthouse' }))]).toEqual(['A stranger searches a lighthouse']);
      expect(await found(stranger, { q: 'finisterre' })).toEqual([]);
    }
    expect(await found(alice, { q: 'nothing of the kind' })).toEqual([]);
  });

  it('F47 an admin searches the organization, and never another one', async () => {
    const admin = await app.as('acme', 'root', 'admin');
    const { id } = await alice.createThread('Admin');
    await alice.addMessage(id, 'The submarine surfaced');
    expect(await textsOf(admin, { q: 'submarine' })).toEqual(['The submarine surfaced']);
    expect(await found(await app.as('globex', 'root', 'admin'), { q: 'submarine' })).toEqual([]);
  });

  it('F49 mode=fts finds words in any form, the best first, with marked extracts', async () => {
    const { id } = await alice.createThread('Sports');
    await alice.addMessages(id, [
      {
        role: 'user',
        content: 'He was running along the river, and then we talked of many other things of no interest.',
      },
      { role: 'user', content: 'Run, run, run!' },
      { role: 'user', content: 'Swimming' },
    ]);
    const hits = await found(alice, { q: 'run', mode: 'fts', thread_id: id });
    expect(hits.map(({ content }: any) => content.text)).toEqual([
      'Run, run, run!',
      expect.stringContaining('running'),
    ]);
    expect(hits[0].score).toBeGreaterThan(hits[1].score);
    expect(hits[1].snippet).toContain('<mark>running</mark>');
    expect(await textsOf(alice, { q: 'running', mode: 'fts', thread_id: id })).toHaveLength(2);
    expect(await found(alice, { q: 'runing swimmmer', mode: 'fts' })).toEqual([]);
    for (const stranger of strangers) expect(await found(stranger, { q: 'run', mode: 'fts' })).toEqual([]);
  });

  it('F49 reads phrases, exclusions, alternatives, beginnings and near spellings', async () => {
    const { id } = await alice.createThread('Readings');
    const say = (content: string) => alice.addMessage(id, content);
    for (const text of ['red apple pie', 'apple and red pear', 'penicillin helps', 'a letter from Tokyo'])
      await say(text);
    const read = (query: Query) => textsOf(alice, { thread_id: id, ...query });
    expect((await read({ q: 'red apple' })).sort()).toEqual(['apple and red pear', 'red apple pie']);
    expect(await read({ q: 'red apple', mode: 'phrase' })).toEqual(['red apple pie']);
    expect(await read({ q: '"red apple"' })).toEqual(['red apple pie']);
    expect(await read({ q: 'apple -pear' })).toEqual(['red apple pie']);
    expect(await read({ q: 'pear or penicillin' })).toHaveLength(2);
    expect(await read({ q: 'penic', mode: 'prefix' })).toEqual(['penicillin helps']);
    expect(await read({ q: 'penic', mode: 'fts' })).toEqual([]);
    expect(await read({ q: 'penicilin', mode: 'fts' })).toEqual([]);
    expect(await read({ q: 'penicilin', mode: 'similar' })).toEqual(['penicillin helps']);
    expect(await read({ q: 'Penicilin' })).toEqual(['penicillin helps']);
    expect(await read({ q: 'leter toyko' })).toEqual(['a letter from Tokyo']);
    expect(await read({ q: 'penicillin unicorn', mode: 'any' })).toEqual(['penicillin helps']);
    expect(await read({ q: 'penicillin unicorn' })).toEqual([]);
    for (const stranger of strangers) {
      for (const mode of ['similar', 'prefix', 'any', 'auto'])
        expect(await found(stranger, { q: 'penicilin', mode })).toEqual([]);
    }
  });

  it('F48 filters by thread, role, sender, metadata and time: from inclusive, to exclusive', async () => {
    const { id } = await alice.createThread('Filters');
    const [first, second] = await alice.addMessages(id, [
      { role: 'user', content: 'zeppelin one', sender_id: 'alice', metadata: { topic: 'air', deep: { a: 1 } } },
      { role: 'assistant', content: 'zeppelin two' },
    ]);
    const times = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
    for (const [index, message] of [first, second].entries())
      await app.db.query('UPDATE messages SET created_at = $2 WHERE id = $1', [message.id, times[index]]);
    const read = (query: Query) => textsOf(alice, { q: 'zeppelin', ...query });
    expect((await read({})).sort()).toEqual(['zeppelin one', 'zeppelin two']);
    expect(await read({ thread_id: randomUUID() })).toEqual([]);
    expect(await read({ role: 'assistant' })).toEqual(['zeppelin two']);
    expect(await read({ sender_id: 'alice' })).toEqual(['zeppelin one']);
    expect(await read({ metadata: '{"deep":{"a":1}}' })).toEqual(['zeppelin one']);
    expect(await read({ metadata: '{"deep":{"a":2}}' })).toEqual([]);
    expect(await read({ from: times[1] })).toEqual(['zeppelin two']);
    expect(await read({ from: times[0], to: times[1] })).toEqual(['zeppelin one']);
    expect(await read({ from: times[1], to: times[1] })).toEqual([]);
    for (const query of [{ from: 'yesterday' }, { to: '2026-02-30T00:00:00Z' }, { from: times[1], to: times[0] }])
      expect((await alice.get('/messages/search', { query: { q: 'zeppelin', ...query } })).status).toBe(400);
    for (const stranger of strangers) expect(await found(stranger, { q: 'zeppelin', thread_id: id })).toEqual([]);
  });

  it('F49 S47 finds what is shared with the caller, as long as it is', async () => {
    const bob = strangers[0];
    const { id } = await alice.createThread('Shared');
    const other = await alice.createThread('Not shared');
    await alice.addMessage(id, 'The gyroscope spins');
    await alice.addMessage(other.id, 'Another gyroscope');
    await share(id, 'bob', `now() - interval '1 s'`);
    expect(await found(bob, { q: 'gyroscope' })).toEqual([]);
    await app.db.query('DELETE FROM shares');
    await share(id, 'bob');
    expect(await textsOf(bob, { q: 'gyroscope' })).toEqual(['The gyroscope spins']);
    expect(await textsOf(bob, { q: 'gyrosope' })).toEqual(['The gyroscope spins']);
    expect(await found(await app.as('acme', 'carol'), { q: 'gyroscope' })).toEqual([]);
    expect(await textsOf(alice, { q: 'gyroscope' })).toHaveLength(2);
    await app.db.query('DELETE FROM shares');
    expect(await found(bob, { q: 'gyroscope' })).toEqual([]);
  });

  it('U88 what was edited is found by its new words, what was deleted by none', async () => {
    const { id } = await alice.createThread('Changes');
    const message = await alice.addMessage(id, 'A walrus');
    await alice.patch(`/messages/${message.id}`, { content: 'A narwhal' });
    expect(await found(alice, { q: 'walrus', mode: 'fts' })).toEqual([]);
    expect(await textsOf(alice, { q: 'narwhal' })).toEqual(['A narwhal']);
    expect((await alice.delete(`/messages/${message.id}`)).status).toBe(200);
    expect(await found(alice, { q: 'narwhal' })).toEqual([]);
    const second = await alice.addMessage(id, 'A platypus');
    expect(await textsOf(alice, { q: 'platypus' })).toEqual(['A platypus']);
    await app.db.query('UPDATE threads SET deleted_at = now() WHERE id = $1', [second.thread_id]);
    expect(await found(alice, { q: 'platypus' })).toEqual([]);
    await app.db.query(`UPDATE threads SET deleted_at = NULL, expires_at = now() - interval '1 s' WHERE id = $1`, [
      second.thread_id,
    ]);
    expect(await found(alice, { q: 'platypus' })).toEqual([]);
  });

  it('a copy is found as its owner, by its own words', async () => {
    const { id } = await alice.createThread('Original');
    await alice.addMessage(id, 'An axolotl');
    const copy = await alice.post(`/threads/${id}/fork`, { name: 'Copy' });
    expect(copy.status).toBe(201);
    const hits = await found(alice, { q: 'axolotl' });
    expect(hits.map(({ thread_name }: any) => thread_name).sort()).toEqual(['Copy', 'Original']);
    const { rows } = await app.db.query(
      `SELECT DISTINCT m.owner_id, m.search::text FROM messages m WHERE m.content->>'text' = 'An axolotl'`,
    );
    expect(rows).toEqual([{ owner_id: 'alice', search: `'axolotl':2` }]);
  });

  it('S47 sessions: finds messages of active own sessions, never of another user; top_k is the number of them', async () => {
    const say = (session: string, content: string) =>
      alice.post(`/sessions/${session}/messages`, { role: 'user', content });
    await say('s47-a', 'The observatory opens at nine');
    await say('s47-b', 'We visited the observatory of Paris');
    const { id } = await alice.createThread('No session');
    await alice.addMessage(id, 'An observatory without a session');
    const search = (query: Query) => found(alice, query, '/sessions/search');
    const hits = await search({ q: 'observatory' });
    expect(hits.map(({ session_id }: any) => session_id).sort()).toEqual(['s47-a', 's47-b']);
    // Chat messages, as the session's other routes have them; the threads' search has what is stored.
    const [message] = (await alice.get('/sessions/s47-b/messages')).body.data;
    const { score, snippet, user_id, session_id, thread_name, ...hit } = hits.find((one: any) => one.id === message.id);
    expect(hit).toEqual(message);
    expect([hit.content, user_id, session_id, thread_name]).toEqual([
      ...['We visited the observatory of Paris', 'alice', 's47-b', 's47-b'],
    ]);
    expect([typeof score, snippet]).toEqual(['number', expect.stringContaining('<mark>observatory</mark>')]);
    expect(await search({ q: 'observatory', top_k: 1 })).toHaveLength(1);
    expect(await search({ q: 'observatory', top_k: 0 })).toEqual([]);
    expect(await search({ q: 'observatory', session_id: 's47-b' })).toMatchObject([{ session_id: 's47-b' }]);
    expect(await textsOf(alice, { q: 'when does the observatory open tomorrow' }, '/sessions/search')).toHaveLength(2);
    expect(await found(alice, { q: 'observatory' })).toHaveLength(3);
    for (const stranger of strangers) {
      await stranger.post('/sessions/s47-a/messages', { role: 'user', content: 'Mine' });
      expect(await found(stranger, { q: 'observatory' }, '/sessions/search')).toEqual([]);
      expect(await found(stranger, { q: 'observatory', session_id: 's47-a' })).toEqual([]);
    }
    // Asleep, a session is no place of its own any more; its messages stay.
    await app.db.query(`UPDATE threads SET session_id = NULL WHERE org_id = 'acme' AND session_id = 's47-b'`);
    expect(await search({ q: 'observatory' })).toMatchObject([{ session_id: 's47-a' }]);
    expect(await found(alice, { q: 'observatory' })).toHaveLength(3);
  });

  it('F49 pages follow each other without a gap or a double', async () => {
    const { id } = await alice.createThread('Pages');
    const batch = Array.from({ length: 25 }, (_, n) => ({
      role: 'user',
      content: `quokka ${'and more '.repeat(n % 4)}${n}`,
    }));
    const stored = await alice.addMessages(id, batch);
    const all = await alice.all('/messages/search', { q: 'quokka', limit: 4 });
    expect(all.map(({ id }) => id).sort()).toEqual(stored.map(({ id }) => id).sort());
    const scores = all.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    // By a near spelling too: the reading goes along.
    expect(await alice.all('/messages/search', { q: 'quoka', limit: 10 })).toHaveLength(25);
    const first = (await alice.get('/messages/search', { query: { q: 'quokka', limit: 4 } })).body;
    expect(first).toMatchObject({ has_more: true, next_cursor: expect.any(String) });
    for (const stranger of strangers)
      expect(await found(stranger, { q: 'quokka', after: first.next_cursor })).toEqual([]);
    for (const after of ['x', Buffer.from('[1,"x","fts"]').toString('base64url')])
      expectProblem(await alice.get('/messages/search', { query: { q: 'quokka', after } }), 400, 'INVALID_CURSOR');
  });
});
