import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7/;
const SECRET = 'of nobody else';

describe('Sessions', () => {
  const { app, alice, bob, admin, someone, say } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];

  const open = (body: object = {}, client = alice, headers = {}) => client.post('/sessions', body, headers);
  const get = async (id: string, client = alice): Promise<any> => (await client.get(`/sessions/${id}`)).body;

  it('P03 P04 P19 S05 U131 makes a session with everything that may be said of it', async () => {
    const metadata = { session_id: 'x', tags: [], nested: { a: [1, null, true, 'ü'] } };
    const settings = {
      prompt_name: 'helper',
      system_prompt: 'Be brief.',
      max_tokens: 4000,
      notebook_id: 'nb',
      auto_summarize: true,
      metadata,
    };
    const { status, body, headers } = await open({ conversation_id: 'full', title: ' Full ', ...settings });
    expect(status).toBe(201);
    expect(body).toEqual({
      ...{ session_id: 'full', conversation_id: 'full', org_id: 'acme', user_id: 'alice', title: 'Full', ...settings },
      ...{ turn_count: 0, message_count: 0, token_count: 0, total_cost: 0, variables: [], messages: [] },
      parent_session_id: null,
      ...{
        state: 'active',
        size_warning: false,
        warnings: [],
        version: body.version,
        thread_id: expect.stringMatching(UUID),
      },
      ...{ last_activity: body.updated_at, created_at: expect.any(String), updated_at: expect.any(String) },
      ...{ last_accessed_at: expect.any(String), expires_at: expect.any(String) },
    });
    expect(headers.etag).toBe(`"${body.version}"`);
    expect(body.created_at <= body.updated_at).toBe(true);
    const { messages: _, ...shown } = body;
    expect(await get('full')).toEqual(shown);
    for (const stranger of strangers) expectProblem(await stranger.get('/sessions/full'), 404, 'SESSION_NOT_FOUND');
  });

  it('P05 S01 S04 makes up an id where none is given: another one each time', async () => {
    const bodies = [{}, {}, { session_id: '' }, { session_id: '' }, { session_id: null }, { conversation_id: '' }];
    const answers = await Promise.all(bodies.map((body) => open(body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(new Set(answers.map(({ body }) => body.session_id)).size).toBe(6);
    for (const { body } of answers) expect(body.session_id).toMatch(UUID);
    expectProblem(await open({ session_id: 'a', conversation_id: 'b' }), 400, 'BAD_REQUEST');
    expect((await open({ session_id: 'same', conversation_id: 'same' })).status).toBe(201);
  });

  it('P06 P23 S02 S03 C08 U132 U133 goes on under a known id: nothing is reset, what is said is merged', async () => {
    const first = await open({ session_id: 'custom-session-id', metadata: { a: 1, b: { x: 1 } }, title: 'First' });
    expect([first.status, first.body.session_id]).toEqual([201, 'custom-session-id']);
    await say('custom-session-id', 'one');
    await say('custom-session-id', 'two');
    const again = await open({
      session_id: 'custom-session-id',
      metadata: { b: { y: 2 }, c: null },
      variables: { df: 'D' },
    });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ message_count: 2, metadata: { a: 1, b: { x: 1, y: 2 } }, variables: ['df'] });
    expect([again.body.created_at, again.body.thread_id]).toEqual([first.body.created_at, first.body.thread_id]);
    expect(again.body.title).toBe('First');
    const unsaid = await open({ session_id: 'custom-session-id' });
    expect([unsaid.status, unsaid.body]).toEqual([200, again.body]);
    expect((await alice.get('/sessions/custom-session-id?include=messages')).body.messages).toHaveLength(2);
  });

  it('S06 C07 C48 the same id of another user or organization is another session', async () => {
    await say('shared-name', SECRET);
    for (const stranger of strangers) {
      expectProblem(await stranger.get('/sessions/shared-name'), 404, 'SESSION_NOT_FOUND');
      const own = await open({ session_id: 'shared-name' }, stranger);
      expect([own.status, own.body.message_count]).toEqual([201, 0]);
      expect((await say('shared-name', 'mine', stranger)).status).toBe(201);
      expect((await stranger.get('/sessions/shared-name/history')).text).not.toContain(SECRET);
      expect((await stranger.delete('/sessions/shared-name')).status).toBe(200);
    }
    expect(await get('shared-name')).toMatchObject({ message_count: 1, user_id: 'alice', org_id: 'acme' });
  });

  it('C41 user_id and org_id are the own ones, or of somebody whom an admin or a service names', async () => {
    expect((await open({ session_id: 'own', user_id: 'alice', org_id: 'acme' })).status).toBe(201);
    expectProblem(await open({ session_id: 'x', user_id: 'bob' }), 403, 'OTHER_USER');
    expectProblem(await open({ session_id: 'x', org_id: 'globex' }), 403, 'OTHER_ORGANIZATION');
    for (const role of ['admin', 'service'] as const) {
      const client = await app.as('acme', 'desk', role);
      const made = await open({ session_id: `for-carol-${role}`, user_id: 'carol', metadata: { by: role } }, client);
      expect([made.status, made.body.user_id]).toEqual([201, 'carol']);
      expectProblem(await client.get(`/sessions/for-carol-${role}`), 404, 'SESSION_NOT_FOUND');
      expect(await get(`for-carol-${role}`, await app.as('acme', 'carol'))).toMatchObject({ metadata: { by: role } });
      expectProblem(await open({ org_id: 'globex' }, client), 403, 'OTHER_ORGANIZATION');
    }
  });

  it('N04 N40 S14 G05 G06 U32 the first message makes a session; before, it is not there', async () => {
    const id = 'user_7_notebook_nb-1';
    for (const path of ['', '/history', '/messages', '/metadata', '/variables']) {
      expectProblem(await alice.get(`/sessions/${id}${path}`), 404, 'SESSION_NOT_FOUND');
    }
    expect((await alice.get(`/sessions/${id}`)).body.detail).toBe('Session not found');
    for (const text of ['one', 'two', 'three']) expect((await say(id, text)).status).toBe(201);
    expect(await get(id)).toMatchObject({
      session_id: id,
      user_id: 'alice',
      title: id,
      message_count: 3,
      metadata: {},
    });
    const { body } = await alice.get(`/sessions/${id}/history`);
    expect(body.history.map((entry: any) => entry.content)).toEqual(['one', 'two', 'three']);
    expect((await alice.get(`/sessions?prefix=${id}`)).body.data).toHaveLength(1);
    expect((await alice.delete(`/sessions/${id}`)).status).toBe(200);
    for (const stranger of strangers) expectProblem(await stranger.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
  });

  it('N16 N21 N42 C49 U30 shows the notebook its turns, and the names of its variables in their order', async () => {
    await open({ session_id: 'notebook', notebook_id: 'nb-1' });
    for (const names of [{}, { zeta: 'DataFrame' }, { zeta: 'DataFrame', age: 'int' }]) {
      await say('notebook', 'Question');
      await alice.post('/sessions/notebook/messages', { role: 'assistant', content: 'Answer' });
      expect((await alice.patch('/sessions/notebook/variables', names)).status).toBe(200);
    }
    const session = await get('notebook');
    expect(session).toMatchObject({ notebook_id: 'nb-1', turn_count: 6, variables: ['zeta', 'age'] });
    const { history, turn_count } = (await alice.get('/sessions/notebook/history')).body;
    expect([turn_count, history.map((entry: any) => entry.role)]).toEqual([
      6,
      ['user', 'assistant', 'user', 'assistant', 'user', 'assistant'],
    ]);
    expect((await alice.patch('/sessions/notebook/variables', { zeta: null, a: 1 })).text).toBe('{"age":"int","a":1}');
    expect((await alice.get('/sessions/notebook/variables')).text).toBe('{"age":"int","a":1}');
    expect((await alice.put('/sessions/notebook/variables', { b: { y: 1, x: 2 } })).body).toEqual({
      b: { y: 1, x: 2 },
    });
    expect((await get('notebook')).variables).toEqual(['b']);
    for (const stranger of strangers) {
      expectProblem(await stranger.get('/sessions/notebook/variables'), 404, 'SESSION_NOT_FOUND');
      expect((await stranger.patch('/sessions/notebook/variables', { b: 'mine' })).body).toEqual({ b: 'mine' });
    }
    expect((await alice.get('/sessions/notebook/variables')).body).toEqual({ b: { y: 1, x: 2 } });
  });

  it('N41 C30 the notebook is the first one that is named', async () => {
    await say('late', 'Hello');
    expect((await open({ session_id: 'late', notebook_id: 'first' })).body.notebook_id).toBe('first');
    expect((await open({ session_id: 'late', notebook_id: 'second', title: 'Other' })).body).toMatchObject({
      ...{ notebook_id: 'first', title: 'Other' },
    });
  });

  it('replays an Idempotency-Key, which is of one user only', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await open({ title: 'Once' }, alice, key);
    const again = await open({ title: 'Once' }, alice, key);
    expect([again.status, again.body, again.headers.etag]).toEqual([201, first.body, first.headers.etag]);
    expectProblem(await open({ title: 'Twice' }, alice, key), 422, 'IDEMPOTENCY_KEY_REUSED');
    const other = await open({ title: 'Once' }, strangers[0], key);
    expect([other.status, other.body.user_id]).toEqual([201, 'bob']);
    expect(other.body.session_id).not.toBe(first.body.session_id);
  });
});
