import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../support/world';
import type { TestEnvironment } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';

/** Where two hundred wait for each other, on a machine that has other things to do. */
const PATIENT = { DB_LOCK_TIMEOUT_MS: '60000', DB_POOL_TIMEOUT_MS: '60000' };

describe('Limits of sessions', () => {
  const { app } = world();
  let organizations = 0;

  /** An organization of its own, at an instance with these variables. */
  const place = async (env: TestEnvironment) => {
    const { url } = await app.second(env);
    const org = `org${(organizations += 1)}`;
    const as = async (user: string, role?: 'admin'): Promise<Client> => (await app.as(org, user, role)).at(url);
    return { org, as, alice: await as('alice'), admin: await as('root', 'admin') };
  };
  const say = (client: Client, id: string, content = 'Hello') =>
    client.post(`/sessions/${id}/messages`, { role: 'user', content });
  const open = (client: Client, id?: string) => client.post('/sessions', { session_id: id, notebook_id: 'nb' });
  /** In the session of a notebook, which is made if it is not there. */
  const sayIn = async (client: Client, id: string, content?: string) => {
    const opened = await open(client, id);
    return opened.status < 300 ? say(client, id, content) : opened;
  };
  const texts = async (client: Client, id: string): Promise<string[]> =>
    (await client.get(`/sessions/${id}/messages`)).body.data.map((message: any) => message.content);
  const active = async (client: Client): Promise<string[]> =>
    (await client.all('/sessions')).map((session) => session.session_id).sort();
  const total = async (admin: Client): Promise<number> =>
    (await admin.get('/sessions?include_total=true&limit=0')).body.total;

  describe('of their number', () => {
    it('N23 N24 C03 lru puts the least recently written one to sleep, until its next write', async () => {
      const { alice } = await place({ SESSION_MAX_CONCURRENT: '3' });
      for (const id of ['a', 'b', 'c', 'a']) await sayIn(alice, id, `${id} before`);
      await alice.get('/sessions/b');
      expect((await sayIn(alice, 'd')).status).toBe(201);
      expect(await active(alice)).toEqual(['a', 'c', 'd']);
      expect((await alice.post('/sessions/batch-get', { ids: ['b'] })).body.data).toEqual([null]);
      expect((await say(alice, 'b', 'b again')).body.seq).toBe(2);
      expect(await texts(alice, 'b')).toEqual(['b before', 'b again']);
      expect(await active(alice)).toEqual(['a', 'b', 'd']);
      const woken = await alice.post('/sessions', { session_id: 'c' });
      expect([woken.status, woken.body.message_count]).toEqual([200, 1]);
      expect(await active(alice)).toEqual(['b', 'c', 'd']);
      expect((await alice.delete('/sessions/a')).status).toBe(200);
      expect((await say(alice, 'a', 'anew')).body.seq).toBe(1);
    });

    it('N23 N24 C03 counts the sessions of notebooks only, whenever they become that, and no others sleep', async () => {
      const { alice } = await place({ SESSION_MAX_CONCURRENT: '2' });
      for (const id of ['p1', 'p2', 'p3']) await say(alice, id);
      for (const id of ['n1', 'n2', 'n3']) await sayIn(alice, id);
      expect(await active(alice)).toEqual(['n2', 'n3', 'p1', 'p2', 'p3']);
      await alice.patch('/sessions/p1', { notebook_id: 'nb' });
      expect(await active(alice)).toEqual(['n3', 'p1', 'p2', 'p3']);
      await alice.put('/sessions/p2/state', { history: [], notebook_id: 'nb' });
      expect(await active(alice)).toEqual(['p1', 'p2', 'p3']);
      await alice.post('/agent/quick', { query: 'Hello?', context: { notebook_id: 'nb', session_id: 'p3' } });
      expect(await active(alice)).toEqual(['p2', 'p3']);
      await alice.post('/sessions/p3/fork', { new_session_id: 'copy' });
      expect(await active(alice)).toEqual(['copy', 'p3']);
      const file = { schema_version: 2, session: { id: 'file', notebook_id: 'nb' }, messages: [] };
      expect((await alice.post('/sessions/import', file)).status).toBe(201);
      expect((await active(alice)).length).toBe(2);
      await alice.patch('/sessions/file', { notebook_id: null });
      await sayIn(alice, 'n4');
      expect(await active(alice)).toEqual(['copy', 'file', 'n4'].sort());
    });

    it('C03 reject answers 429 and stores nothing; a known one goes on', async () => {
      const { alice, as } = await place({ SESSION_MAX_CONCURRENT: '3', SESSION_EVICTION_POLICY: 'reject' });
      const bob = await as('bob');
      for (const id of ['a', 'b']) await sayIn(alice, id);
      await sayIn(bob, 'a');
      await say(alice, 'plain');
      for (const client of [alice, bob]) {
        expectProblem(await open(client, 'd'), 429, 'TOO_MANY_SESSIONS');
        expectProblem(await open(client), 429, 'TOO_MANY_SESSIONS');
        const state = { history: [], notebook_id: 'nb' };
        expectProblem(await client.put('/sessions/d/state', state), 429, 'TOO_MANY_SESSIONS');
        expectProblem(await client.get('/sessions/d'), 404, 'SESSION_NOT_FOUND');
        expect((await say(client, 'a', 'again')).status).toBe(201);
        expect((await client.post('/sessions', { session_id: 'a', title: 'x' })).status).toBe(200);
      }
      expectProblem(await alice.patch('/sessions/plain', { notebook_id: 'nb' }), 429, 'TOO_MANY_SESSIONS');
      await alice.delete('/sessions/b');
      expect((await sayIn(bob, 'd')).status).toBe(201);
      const { rows } = await app.db.query(`SELECT count(*) AS n FROM users WHERE id = 'carol'`);
      expect(rows[0].n).toBe(0);
    });

    it('C03 a resume at the cap evicts nobody, and another organization is never touched', async () => {
      const { alice, admin } = await place({ SESSION_MAX_CONCURRENT: '2' });
      const other = await place({ SESSION_MAX_CONCURRENT: '2' });
      for (const client of [alice, other.alice]) for (const id of ['a', 'b']) await sayIn(client, id);
      for (const id of ['a', 'b', 'a']) {
        await say(alice, id);
        await alice.post('/sessions', { session_id: id, metadata: { n: 1 } });
      }
      expect(await active(alice)).toEqual(['a', 'b']);
      for (let n = 0; n < 5; n += 1) await sayIn(alice, `more-${n}`);
      expect([await total(admin), await active(other.alice)]).toEqual([2, ['a', 'b']]);
    });

    it('C03 never puts to sleep what is written to at that moment', async () => {
      const { org, alice } = await place({ SESSION_MAX_CONCURRENT: '2' });
      for (const id of ['a', 'b']) await sayIn(alice, id);
      const writer = await app.db.connect();
      await writer.query('BEGIN');
      await writer.query(
        `UPDATE threads SET updated_at = clock_timestamp() + interval '1 s' WHERE org_id = $1 AND session_id = 'a'`,
        [org],
      );
      const creation = sayIn(alice, 'c');
      await sleep(500);
      await writer.query('COMMIT');
      writer.release();
      expect((await creation).status).toBe(201);
      expect(await active(alice)).toEqual(['a', 'c']);
    });

    it('N26 200 parallel creations at a cap of 100, by two instances and two users, leave exactly 100', async () => {
      const env = { SESSION_MAX_CONCURRENT: '100', ...PATIENT };
      const { org, alice, as, admin } = await place(env);
      const { url } = await app.second(env);
      const clients = [alice, (await app.as(org, 'bob')).at(url), alice.at(url), await as('bob')];
      const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => open(clients[n % 4], `s${n}`)));
      expect(answers.map(({ status }) => status)).toEqual(Array(200).fill(201));
      expect(await total(admin)).toBe(100);
      expect(await admin.all('/sessions', { limit: 30 })).toHaveLength(100);
      // Everybody writes again: those asleep wake, and others go.
      const again = await Promise.all(Array.from({ length: 200 }, (_, n) => say(clients[n % 4], `s${n}`)));
      expect(again.map(({ status }) => status)).toEqual(Array(200).fill(201));
      expect(await total(admin)).toBe(100);
      const { rows } = await app.db.query('SELECT count(*) AS n FROM sessions WHERE org_id = $1', [org]);
      expect(rows[0].n).toBe(200);
      expect(await brokenCounters(app.db)).toEqual([]);
    });

    it('C03 200 parallel creations with reject let exactly 100 in; expired ones make room', async () => {
      const { org, alice, admin } = await place({
        ...{ SESSION_MAX_CONCURRENT: '100', SESSION_EVICTION_POLICY: 'reject' },
        ...PATIENT,
      });
      const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => open(alice, `s${n}`)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(100);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(100);
      expect(await total(admin)).toBe(100);
      await app.db.query(
        `
        UPDATE threads SET expires_at = now() - interval '1 ms' WHERE org_id = $1 AND id IN (
          SELECT id FROM threads WHERE org_id = $1 AND session_id IS NOT NULL LIMIT 10)`,
        [org],
      );
      expect(await total(admin)).toBe(90);
      const more = await Promise.all(Array.from({ length: 20 }, (_, n) => open(alice, `more-${n}`)));
      expect(more.filter(({ status }) => status === 201)).toHaveLength(10);
    });

    it('N24 N28 0 means any number; under a cap that came later, a resume stays and a creation makes room', async () => {
      const { alice, admin } = await place({ SESSION_MAX_CONCURRENT: '0' });
      for (let n = 0; n < 30; n += 1) await sayIn(alice, `s${n}`);
      expect(await total(admin)).toBe(30);
      const capped = alice.at((await app.second({ SESSION_MAX_CONCURRENT: '3' })).url);
      expect((await say(capped, 's0')).status).toBe(201);
      expect(await total(admin)).toBe(30);
      await sayIn(capped, 'new');
      expect(await active(alice)).toEqual(['new', 's0', 's29']);
    });
  });

  describe('of a notebook’s history', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const turn = (n: number) => [
      { role: 'user', content: `q${n}` },
      { role: 'assistant', content: `a${n}` },
    ];

    it('N27 C04 keeps the newest 6, and the counters with them', async () => {
      const { alice } = await place({ SESSION_HISTORY_LIMIT: '6' });
      await alice.post('/sessions', { session_id: 'nb', notebook_id: 'nb-1' });
      for (let n = 0; n < 5; n += 1) {
        for (const message of turn(n)) expect((await alice.post('/sessions/nb/messages', message)).status).toBe(201);
      }
      expect(await texts(alice, 'nb')).toEqual(['q2', 'a2', 'q3', 'a3', 'q4', 'a4']);
      const { body } = await alice.get('/sessions/nb');
      expect(body).toMatchObject({ turn_count: 6, message_count: 6 });
      const batch = await alice.post('/sessions/nb/messages', {
        messages: [...turn(5), ...turn(6), ...turn(7), ...turn(8)],
      });
      expect(batch).toMatchObject({ status: 201, body: { message_count: 8, total: 6, data: { length: 8 } } });
      expect((await alice.get('/sessions/nb')).body.version).toBe(batch.body.version);
      expect(await texts(alice, 'nb')).toEqual(['q6', 'a6', 'q7', 'a7', 'q8', 'a8']);
      expect((await alice.get('/sessions/nb/history')).body).toMatchObject({ turn_count: 6, total_turns: 6 });
      expect(await brokenCounters(app.db)).toEqual([]);
    });

    it('C04 C50 never splits a tool call from its result', async () => {
      const { alice } = await place({ SESSION_HISTORY_LIMIT: '6' });
      await alice.post('/sessions', { session_id: 'nb', notebook_id: 'nb-1' });
      const messages = [
        ...turn(0),
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'user', content: 'meanwhile' },
        { role: 'tool', tool_call_id: 'c1', content: 'result' },
        ...turn(1),
      ];
      await alice.post('/sessions/nb/messages', { messages });
      expect(await texts(alice, 'nb')).toEqual(['a0', null, 'meanwhile', 'result', 'q1', 'a1']);
      await alice.post('/sessions/nb/messages', turn(2)[0]);
      await alice.post('/sessions/nb/messages', turn(2)[1]);
      const kept = (await alice.get('/sessions/nb/messages')).body.data;
      const calls = kept.flatMap((m: any) => (m.tool_calls ?? []).map((c: any) => c.id));
      expect(kept.filter((m: any) => m.tool_call_id && !calls.includes(m.tool_call_id))).toEqual([]);
      expect(kept.map((m: any) => m.content)).toEqual(['q1', 'a1', 'q2', 'a2']);
    });

    it('C04 leaves sessions without a notebook and threads alone, and 0 means no limit', async () => {
      const { alice } = await place({ SESSION_HISTORY_LIMIT: '6' });
      await alice.post('/sessions/plain/messages', { messages: [0, 1, 2, 3].flatMap(turn) });
      expect(await texts(alice, 'plain')).toHaveLength(8);
      const { id } = await alice.createThread();
      await alice.addMessages(id, [0, 1, 2, 3].flatMap(turn));
      expect((await alice.get(`/threads/${id}`)).body.message_count).toBe(8);
      const unlimited = await place({ SESSION_HISTORY_LIMIT: '0' });
      await unlimited.alice.post('/sessions', { session_id: 'nb', notebook_id: 'nb-1' });
      await unlimited.alice.post('/sessions/nb/messages', { messages: Array.from({ length: 120 }, () => turn(0)[0]) });
      expect((await unlimited.alice.get('/sessions/nb')).body.turn_count).toBe(120);
    });

    it('C04 a retry is found also when it is trimmed to the limit, and 30 parallel appends leave 6', async () => {
      const { alice } = await place({ SESSION_HISTORY_LIMIT: '6' });
      await alice.post('/sessions', { session_id: 'nb', notebook_id: 'nb-1' });
      const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => say(alice, 'nb', `${n}`)));
      expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(201));
      const seqs = (await alice.get('/sessions/nb/messages')).body.data.map((message: any) => message.seq);
      expect(seqs).toEqual([25, 26, 27, 28, 29, 30]);
      expect(await brokenCounters(app.db)).toEqual([]);
    });
  });

  it('P43 marks a session as large above SESSION_SIZE_WARNING_TOKENS, everywhere', async () => {
    const { alice } = await place({ SESSION_SIZE_WARNING_TOKENS: '10' });
    await alice.post('/sessions/s/messages', { role: 'user', content: 'x', token_count: 10 });
    expect((await alice.get('/sessions/s')).body).toMatchObject({ size_warning: false, warnings: [] });
    await alice.post('/sessions/s/messages', { role: 'user', content: 'x', token_count: 1 });
    const large = { token_count: 11, size_warning: true, warnings: ['large_conversation'] };
    expect((await alice.get('/sessions/s')).body).toMatchObject(large);
    expect((await alice.get('/sessions')).body.data[0]).toMatchObject(large);
    expect((await alice.post('/sessions', { session_id: 's' })).body).toMatchObject(large);
    const never = alice.at((await app.second({ SESSION_SIZE_WARNING_TOKENS: '0' })).url);
    expect((await never.get('/sessions/s')).body).toMatchObject({ size_warning: false, warnings: [] });
  });
});
