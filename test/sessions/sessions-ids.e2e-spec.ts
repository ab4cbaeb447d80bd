import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

describe('Names and ends of sessions', () => {
  const { app, alice, bob, admin, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex'), admin];

  const pathOf = (id: string) => `/sessions/${encodeURIComponent(id)}`;
  const say = (id: string, content = 'Hello', client = alice) =>
    client.post(`${pathOf(id)}/messages`, { role: 'user', content });
  const rows = async (): Promise<unknown> =>
    (await app.db.query(`SELECT (SELECT count(*) FROM sessions) AS s, (SELECT count(*) FROM threads) AS t`)).rows[0];

  it.each([
    ...[
      'user123_chat_abc',
      'a_b-c:d.e@f',
      'user:7:conv:1',
      'org:o1:user:u1:conv:1',
      'with some spaces',
      ' ',
      '.',
      '..',
    ],
    ...['a/b', '/', 'a/b/../c', '%00', '%', 'a%2Fb', '?x=1', '#', "'; DROP TABLE sessions; --", '__proto__', 'null'],
    ...[
      '日本語のセッション',
      'é',
      'e\u0301',
      '👩‍👩‍👧',
      '\u{10ffff}',
      'Export',
      'messages',
      'state',
      'batch',
      'x'.repeat(255),
    ],
    ...['ü'.repeat(255), '\u{1f600}'.repeat(127)],
  ])('G27 G28 X09 C46 is found under %p, on every route and by nobody else', async (id) => {
    expect(await say(id, 'First')).toMatchObject({ status: 201, body: { content: 'First' } });
    expect((await alice.post('/sessions', { session_id: id, title: 'Title' })).body).toMatchObject({ session_id: id });
    expect((await alice.get(pathOf(id))).body).toMatchObject({ session_id: id, message_count: 1 });
    expect((await alice.get(`${pathOf(id)}/history`)).body).toMatchObject({ session_id: id, turn_count: 1 });
    expect((await alice.get(`${pathOf(id)}/messages`)).body.total).toBe(1);
    expect((await alice.get('/sessions', { query: { prefix: id } })).body.data[0].session_id).toBe(id);
    expect((await alice.post('/sessions/batch-get', { ids: [id] })).body.data[0].session_id).toBe(id);
    for (const stranger of strangers) expectProblem(await stranger.get(pathOf(id)), 404, 'SESSION_NOT_FOUND');
    expect((await alice.delete(pathOf(id))).body).toMatchObject({ session_id: id, deleted: true });
    expectProblem(await alice.get(pathOf(id)), 404, 'SESSION_NOT_FOUND');
  });

  it('X09 U32 refuses ids that cannot be stored, everywhere, and leaves nothing behind', async () => {
    const before = await rows();
    for (const id of ['%00', 'a%00b', '%0A', '%1F', '%7F', 'x'.repeat(256), 'x'.repeat(300), 'x'.repeat(5000)]) {
      const path = `/sessions/${id}`;
      const answers = [
        await alice.get(path),
        await alice.patch(path, { title: 'x' }),
        await alice.delete(path),
        await alice.post(`${path}/messages`, { role: 'user', content: 'x' }),
        await alice.get(`${path}/messages`),
        await alice.delete(`${path}/messages`),
        await alice.get(`${path}/history`),
        await alice.get(`${path}/metadata`),
        await alice.put(`${path}/variables`, {}),
      ];
      for (const answer of answers) expectProblem(answer, 400);
      // Beyond some length, the door refuses it before the session's rules do.
      expect(['INVALID_ID', 'BAD_REQUEST']).toContain(answers[0].body.code);
    }
    for (const id of ['\0', 'a\nb', 'x'.repeat(256), '\ud800', 7, {}, [], true]) {
      expectProblem(await alice.post('/sessions', { session_id: id }), 400);
      expectProblem(await alice.post('/sessions', { conversation_id: id }), 400);
      expectProblem(await alice.post('/sessions/batch-get', { ids: [id] }), 400);
    }
    expect(await rows()).toEqual(before);
  });

  it.each(['current', 'search', 'export', 'import', 'batch-get'])('C45 no session can be called %s', async (id) => {
    expectProblem(await alice.post('/sessions', { session_id: id }), 400, 'SESSION_ID_RESERVED');
    expectProblem(await alice.post('/sessions', { conversation_id: id }), 400, 'SESSION_ID_RESERVED');
    expectProblem(await say(id), 400, 'SESSION_ID_RESERVED');
    expectProblem(await alice.delete(pathOf(id)), 400, 'SESSION_ID_RESERVED');
    expect((await alice.post('/sessions/batch-get', { ids: [id] })).body.data).toEqual([null]);
  });

  it('N15 N17 P38 an unknown session is a 404 of its own, never an empty answer', async () => {
    for (const path of [
      '',
      '/history',
      '/messages',
      '/metadata',
      '/variables',
      '/messages?limit=0',
      '/messages?last=5',
    ]) {
      const answer = await alice.get(`/sessions/nope${path}`);
      expectProblem(answer, 404, 'SESSION_NOT_FOUND');
      expect(answer.body.detail).toBe('Session not found');
    }
    expectProblem(await alice.patch('/sessions/nope', { title: 'x' }), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.patch('/sessions/nope/metadata', {}), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.patch('/sessions/nope/variables', {}), 404, 'SESSION_NOT_FOUND');
    const resting = { 'if-match': '"1"' };
    expectProblem(await alice.patch('/sessions/nope/metadata', { a: 1 }, resting), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.put('/sessions/nope/variables', {}, resting), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.delete('/sessions/nope/messages'), 404, 'SESSION_NOT_FOUND');
  });

  it('U68 C10 a merge of metadata or variables makes the session, an empty one does not', async () => {
    expect((await alice.patch('/sessions/merged-1/metadata', { a: 1 })).body).toEqual({ a: 1 });
    expect((await alice.patch('/sessions/merged-2/variables', { df: 'DataFrame' })).body).toEqual({ df: 'DataFrame' });
    expect((await alice.put('/sessions/merged-3/variables', {})).body).toEqual({});
    for (const id of ['merged-1', 'merged-2', 'merged-3']) {
      expect((await alice.get(`/sessions/${id}`)).body).toMatchObject({ session_id: id, message_count: 0 });
      for (const stranger of strangers) expectProblem(await stranger.get(`/sessions/${id}`), 404, 'SESSION_NOT_FOUND');
    }
  });

  it('P15 N18 N19 S08 C09 G16 G17 U36 U139 deletes a session with its messages, once', async () => {
    const message = await say('gone', 'one');
    const { thread_id } = (await alice.get('/sessions/gone')).body;
    for (const stranger of strangers.slice(0, 2)) {
      expectProblem(await stranger.delete('/sessions/gone'), 404, 'SESSION_NOT_FOUND');
    }
    const { status, body } = await alice.delete('/sessions/gone');
    expect([status, body]).toEqual([200, { status: 'cleared', session_id: 'gone', deleted: true, success: true }]);
    expectProblem(await alice.get('/sessions/gone'), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.get(`/threads/${thread_id}`), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.get(`/messages/${message.body.id}`), 404, 'MESSAGE_NOT_FOUND');
    const again = await alice.delete('/sessions/gone');
    expectProblem(again, 404, 'SESSION_NOT_FOUND');
    expect(again.body.deleted).toBe(false);
    expect((await alice.get('/sessions?prefix=gone')).body.data).toEqual([]);
    expect((await say('gone', 'anew')).body.seq).toBe(1);
    expect((await alice.get('/sessions/gone')).body).toMatchObject({ message_count: 1, turn_count: 1 });
  });

  it('If-Match deletes the version that was seen, and no other', async () => {
    await say('versioned');
    const { etag } = (await alice.get('/sessions/versioned')).headers as Record<string, string>;
    const remove = (match: string, client = alice) =>
      client.delete('/sessions/versioned', { headers: { 'if-match': match } });
    await say('versioned');
    const stale = await remove(etag);
    expectProblem(stale, 412, 'PRECONDITION_FAILED');
    expect(stale.body.current_version).toBe(3);
    expectProblem(await remove('"3"', strangers[0]), 404, 'SESSION_NOT_FOUND');
    const patch = (body: object, headers = {}) => alice.patch('/sessions/versioned', body, headers);
    expectProblem(await patch({ title: 'x' }, { 'if-match': etag }), 412, 'PRECONDITION_FAILED');
    expectProblem(await patch({ title: 'x', expected_version: 2 }), 409, 'VERSION_CONFLICT');
    expect((await patch({ title: 'x', version: 3 })).headers.etag).toBe('"4"');
    for (const path of ['metadata', 'variables']) {
      const stale = await alice.patch(`/sessions/versioned/${path}`, { a: 1 }, { 'if-match': etag });
      expectProblem(stale, 412, 'PRECONDITION_FAILED');
    }
    expect((await remove('"4"')).status).toBe(200);
    expectProblem(await remove('"4"'), 404, 'SESSION_NOT_FOUND');
  });

  it('P07 U104 is still there for another instance, with what was said', async () => {
    await say('resumed', 'one');
    const later = alice.at((await app.second()).url);
    expect((await later.get('/sessions/resumed/history')).body.history).toEqual([{ role: 'user', content: 'one' }]);
    await say('resumed', 'two', later);
    expect((await alice.get('/sessions/resumed')).body.message_count).toBe(2);
    expectProblem(await later.get('/sessions/unknown'), 404, 'SESSION_NOT_FOUND');
  });

  it('P29 an id that names another user gives nobody that user’s session', async () => {
    await say('user:alice:conv:1', 'secret');
    const [bob] = strangers;
    expectProblem(await bob.get(pathOf('user:alice:conv:1')), 404, 'SESSION_NOT_FOUND');
    await say('user:alice:conv:1', 'own', bob);
    const { body } = await bob.get('/sessions?prefix=user:alice:');
    expect(body.data.map((session: any) => session.user_id)).toEqual(['bob']);
    expect((await bob.delete('/sessions?prefix=user:alice:')).body).toEqual({ deleted: 1 });
    expect((await alice.get(pathOf('user:alice:conv:1'))).body.message_count).toBe(1);
  });
});
