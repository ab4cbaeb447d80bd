import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

/** What a write moves: of the thread with its version and times, of the session, and of what is kept of messages. */
const ROWS = `
  SELECT (SELECT json_agg(t ORDER BY t.id) FROM threads t) AS threads,
    (SELECT json_agg(s ORDER BY s.id) FROM sessions s) AS sessions,
    (SELECT json_agg(m ORDER BY m.id) FROM messages m) AS messages,
    (SELECT count(*)::int FROM message_revisions) AS revisions, (SELECT count(*)::int FROM memories) AS memories`;

describe('A patch that says nothing', () => {
  const { app, alice, bob, thread, session } = world({ SESSION_TTL_SECONDS: '600' });

  const rows = async () => (await app.db.query(ROWS)).rows[0] as Record<string, unknown>;

  it('F69 F42 P24 N09 writes nothing, and answers with what is there', async () => {
    const threadId = await thread('Trip', 'Where to?', 'Tokyo.');
    const sessionId = await session('Hello');
    await alice.patch(`/sessions/${sessionId}`, { metadata: { a: 1 }, variables: { df: 'frame' } });
    const [message] = (await alice.get(`/threads/${threadId}/messages`)).body.data;
    const of = `/sessions/${sessionId}`;
    const patches: [path: string, body: object][] = [
      [`/threads/${threadId}`, {}],
      [`/threads/${threadId}`, { metadata: {} }],
      [`/threads/${threadId}`, { version: 3 }],
      [of, {}],
      [of, { metadata: {}, variables: {} }],
      [`${of}/metadata`, {}],
      [`${of}/variables`, {}],
      [`/messages/${message.id}`, {}],
      [`/messages/${message.id}`, { metadata: {} }],
    ];
    await alice.patch(`/threads/${threadId}`, { name: 'Kyoto' });
    const before = await rows();
    const answers: unknown[] = [];
    for (const [path, body] of patches) {
      const { status, body: answer } = await alice.patch(path, body);
      expect([path, body, status, await rows()]).toEqual([path, body, 200, before]);
      answers.push(answer);
    }
    const { body: metadata } = await alice.get(`${of}/metadata`);
    expect(answers.slice(0, 3)).toEqual(Array(3).fill((await alice.get(`/threads/${threadId}`)).body));
    expect(answers[5]).toEqual(metadata);
    expect(answers[7]).toEqual((await alice.get(`/messages/${message.id}`)).body);
  });

  it('is refused as one that says something', async () => {
    const threadId = await thread('Mine', 'Hi');
    const sessionId = await session('Hi');
    const [message] = (await alice.get(`/threads/${threadId}/messages`)).body.data;
    const of = `/sessions/${sessionId}`;
    expectProblem(await bob.patch(`/threads/${threadId}`, {}), 404, 'THREAD_NOT_FOUND');
    await alice.post(`/threads/${threadId}/shares`, { user_id: 'bob', permission: 'write' });
    expectProblem(await bob.patch(`/threads/${threadId}`, {}), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await bob.patch(of, {}), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.patch(`/threads/${threadId}`, { version: 99 }), 409, 'VERSION_CONFLICT');
    expectProblem(await alice.patch(`/messages/${message.id}`, { expected_version: 99 }), 409, 'VERSION_CONFLICT');
    for (const path of [`/threads/${threadId}`, of, `${of}/metadata`, `${of}/variables`, `/messages/${message.id}`])
      expectProblem(await alice.patch(path, {}, { 'if-match': '"99"' }), 412, 'PRECONDITION_FAILED');
  });
});
