import { randomUUID } from 'node:crypto';
import { world } from '../../support/world';
import { startTestApp } from '../../support/world/app';
import { expectProblem } from '../../support/world/client';
import { brokenCounters } from '../../support/world/integrity';
import { shareThread } from '../../support/world/shares';

const call = (id: string) => ({ id, type: 'function', function: { name: 'search', arguments: '{}' } });
const question = (n: number) => ({ role: 'user', content: `Question ${n}`, cost: '0.001' });
const answer = (n: number) => ({ role: 'assistant', content: `Answer ${n}`, cost: '0.002' });
const turn = (n: number) => [question(n), answer(n)];

describe.each(['threads', 'sessions'] as const)('Undo in %s', (kind) => {
  const { app, alice, strangers } = world();
  let id: string;
  let threadId: string;
  const missing = kind === 'threads' ? 'THREAD_NOT_FOUND' : 'SESSION_NOT_FOUND';

  beforeEach(async () => {
    id = kind === 'threads' ? (await alice.createThread()).id : randomUUID();
    threadId = kind === 'threads' ? id : (await alice.post('/sessions', { session_id: id })).body.thread_id;
  });
  afterEach(async () => expect(await brokenCounters(app.db)).toEqual([]));

  const path = (rest = '') => `/${kind}/${id}${rest}`;
  const append = async (messages: object[]) => (await alice.post(path('/messages'), { messages })).body;
  const list = async (): Promise<any[]> => (await alice.get(path('/messages'))).body.data;
  const seqs = async () => (await list()).map(({ seq }) => seq);
  const undo = (body?: object, headers = {}, client = alice) => client.post(path('/undo'), body, headers);
  const redo = (body?: object, headers = {}, client = alice) => client.post(path('/redo'), body, headers);
  const conversation = async () => (await alice.get(path())).body;

  it('N34 takes back the last turn: 4 entries become 2, and says what it took', async () => {
    const { version } = await append([...turn(1), ...turn(2)]);
    // In the form of the other routes of the conversation: a session's are chat messages.
    const before = await alice.all(path('/messages'));
    const { status, body, headers } = await undo({ turns: 1 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ removed: 2, remaining: 2, total: 2, version: version + 1 });
    expect(body.messages).toEqual(before.slice(2));
    expect(typeof body.messages[0].content).toBe(kind === 'sessions' ? 'string' : 'object');
    expect(headers.etag).toBe(`"${version + 1}"`);
    expect(await seqs()).toEqual([1, 2]);
    expect(await conversation()).toMatchObject({ message_count: 2, total_cost: 0.003, version: version + 1 });
    const trash = await alice.all(`/threads/${threadId}/messages/trash`);
    expect(trash.map(({ seq, reason, deleted_by }) => [seq, reason, deleted_by])).toEqual([
      [4, 'undone', 'alice'],
      [3, 'undone', 'alice'],
    ]);
    expect(new Set(trash.map(({ removal_id }) => removal_id))).toEqual(new Set([body.removal_id]));
  });

  it('N34 takes the whole turn, tool calls, results and all, and never what stands before the first user', async () => {
    const system = { role: 'system', content: 'Be brief.' };
    const calls = { role: 'assistant', content: null, tool_calls: [call('a'), call('b')] };
    const results = ['a', 'b'].map((tool_call_id) => ({ role: 'tool', tool_call_id, content: tool_call_id }));
    await append([system, ...turn(1), question(2), calls, ...results, answer(2)]);
    expect((await undo()).body).toMatchObject({ removed: 5, remaining: 3 });
    expect(await seqs()).toEqual([1, 2, 3]);
    expect((await undo()).body).toMatchObject({ removed: 2, remaining: 1 });
    expectProblem(await undo(), 409, 'NOTHING_TO_UNDO');
    expect((await list()).map(({ role }) => role)).toEqual(['system']);
  });

  it('N34 an empty conversation has nothing to undo or redo', async () => {
    expectProblem(await undo(), 409, 'NOTHING_TO_UNDO');
    expectProblem(await redo(), 409, 'NOTHING_TO_REDO');
    for (const body of [{ turns: 0 }, { turns: -1 }, { turns: '1' }, { turns: 1.5 }, { more: 1 }]) {
      expectProblem(await undo(body), 400, 'VALIDATION_FAILED');
    }
  });

  it('N34 takes back several turns at once, or all there are; a redo brings all of them back', async () => {
    await append([...turn(1), ...turn(2), ...turn(3)]);
    const before = await list();
    expect((await undo({ turns: 2 })).body).toMatchObject({ removed: 4, remaining: 2 });
    expect((await redo()).body).toMatchObject({ restored: 4, total: 6 });
    expect((await undo({ turns: 99 })).body).toMatchObject({ removed: 6, remaining: 0 });
    const { body } = await redo();
    expect(body.messages.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await list()).toEqual(before);
  });

  it('N34 undo twice, redo twice: a stack, until the next append', async () => {
    await append([...turn(1), ...turn(2), ...turn(3)]);
    const before = await list();
    await undo();
    await undo();
    expect(await seqs()).toEqual([1, 2]);
    expect((await redo()).body).toMatchObject({ restored: 2, total: 4 });
    expect(await seqs()).toEqual([1, 2, 3, 4]);
    expect((await redo()).body).toMatchObject({ restored: 2, total: 6 });
    expect(await list()).toEqual(before);
    expectProblem(await redo(), 409, 'NOTHING_TO_REDO');
    await undo();
    const { data } = await append([question(4)]);
    // Numbers are never used again.
    expect(data[0].seq).toBe(7);
    expectProblem(await redo(), 409, 'NOTHING_TO_REDO');
    expect(await seqs()).toEqual([1, 2, 3, 4, 7]);
  });

  it('C39 a clear between ends the redo; so does an erasure of a part', async () => {
    await append([...turn(1), ...turn(2)]);
    await undo();
    await alice.delete(path('/messages'));
    expectProblem(await redo(), 409, 'NOTHING_TO_REDO');
    await append([...turn(3), ...turn(4)]);
    const { body } = await undo();
    await alice.delete(`/messages/${body.messages[1].id}`, { query: { erase: true } });
    expectProblem(await redo(), 409, 'NOTHING_TO_REDO');
    // What is left is not lost.
    expect((await alice.post(`/messages/${body.messages[0].id}/restore`)).status).toBe(200);
  });

  it('N34 forgets the summaries of what is gone, and the next context has none of it', async () => {
    await append([...turn(1), ...turn(2)]);
    for (const [from_seq, to_seq] of [
      [1, 2],
      [1, 4],
    ]) {
      await alice.post(path('/summaries'), { from_seq, to_seq, content: `Of ${from_seq} to ${to_seq}` });
    }
    await undo();
    expect((await alice.get(path('/summaries'))).body.data.map(({ to_seq }: any) => to_seq)).toEqual([2]);
    const context = await alice.get(path('/context'));
    expect(context.status).toBe(200);
    expect(context.text).not.toMatch(/Question 2|Answer 2|Of 1 to 4/);
  });

  it('N34 a redo brings the summaries back too, also what is left of truncated messages', async () => {
    await append([...turn(1), ...turn(2), ...turn(3)]);
    const summary = { from_seq: 1, to_seq: 6, content: 'What was said in the beginning' };
    await alice.post(path('/summaries'), summary);
    await alice.post(path('/truncate'), { keep_last: 2 });
    const before = (await alice.get(path('/summaries'))).body.data;
    await undo();
    expect((await alice.get(path('/summaries'))).body.data).toEqual([]);
    await redo();
    expect((await alice.get(path('/summaries'))).body.data).toEqual(before);
    expect(before).toMatchObject([summary]);
  });

  it('N34 checks the version, and an Idempotency-Key makes it once', async () => {
    const { version } = await append([...turn(1), ...turn(2)]);
    expectProblem(await undo({}, { 'if-match': `"${version - 1}"` }), 412, 'PRECONDITION_FAILED');
    expectProblem(await undo({ expected_version: version - 1 }), 409, 'VERSION_CONFLICT');
    const key = { 'idempotency-key': randomUUID() };
    const first = await undo({ expected_version: version }, key);
    expect(first.body).toMatchObject({ removed: 2 });
    expect((await undo({ expected_version: version }, key)).body).toEqual(first.body);
    expectProblem(await redo({}, { 'if-match': `"${version}"` }), 412, 'PRECONDITION_FAILED');
    const again = { 'idempotency-key': randomUUID() };
    const second = await redo({}, again);
    expect((await redo({}, again)).body).toEqual(second.body);
    expect(await seqs()).toEqual([1, 2, 3, 4]);
  });

  it('N34 is nothing for strangers: 404, and nothing happens', async () => {
    await append([...turn(1), ...turn(2)]);
    for (const client of strangers) {
      expectProblem(await undo({}, {}, client), 404, missing);
      expectProblem(await redo({}, {}, client), 404, missing);
    }
    expect(await seqs()).toEqual([1, 2, 3, 4]);
  });

  it('N34 is not for readers of a share, and is for writers', async () => {
    await append([...turn(1), ...turn(2)]);
    const [reader, writer] = [await app.as('acme', 'reader'), await app.as('acme', 'writer')];
    await shareThread(app, threadId, 'reader');
    await shareThread(app, threadId, 'writer', 'write');
    for (const verb of ['undo', 'redo'])
      expectProblem(await reader.post(`/threads/${threadId}/${verb}`), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await reader.get(`/threads/${threadId}/messages/trash`), 403, 'THREAD_NOT_WRITABLE');
    expect((await writer.post(`/threads/${threadId}/undo`)).body).toMatchObject({ removed: 2 });
    expect((await alice.get(`/threads/${threadId}/messages/trash`)).body.data[0].deleted_by).toBe('writer');
    expect((await writer.post(`/threads/${threadId}/redo`)).body).toMatchObject({ restored: 2 });
  });

  if (kind === 'sessions')
    it('N34 a turn under way is not undone under its answer', async () => {
      await append(turn(1));
      const running = async (ms: number) =>
        app.db.query(
          `UPDATE sessions SET turn_id = gen_random_uuid(), turn_expires_at = now() + $2 * interval '1 ms' WHERE thread_id = $1`,
          [threadId, ms],
        );
      await running(600_000);
      for (const route of [path('/undo'), `/threads/${threadId}/undo`]) {
        const refused = await alice.post(route);
        expectProblem(refused, 409, 'TURN_IN_PROGRESS');
        expect(refused.headers['retry-after']).toBe('1');
      }
      // The server of that one is dead.
      await running(-1);
      expect((await undo()).body).toMatchObject({ removed: 2 });
    });

  it('N34 C40 150 undos, redos and appends at once lose nothing, and give no number twice', async () => {
    await append([...turn(1), ...turn(2), ...turn(3)]);
    const client = alice.at((await app.second()).url);
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, n) => {
        const by = n % 2 ? alice : client;
        if (n % 3 === 0) return undo({}, {}, by);
        return n % 3 === 1 ? redo({}, {}, by) : by.post(path('/messages'), { messages: turn(n) });
      }),
    );
    expect(answers.filter(({ status }) => ![200, 201, 409].includes(status))).toEqual([]);
    const appended = answers.filter(({ status }) => status === 201).length;
    expect(appended).toBe(50);
    const { rows } = await app.db.query(
      `SELECT count(*)::int AS messages, count(DISTINCT seq)::int AS seqs, count(DISTINCT id)::int AS ids, max(seq)::int AS last
       FROM (SELECT seq, id FROM messages WHERE thread_id = $1
         UNION ALL SELECT seq, id FROM deleted_messages WHERE thread_id = $1) all_of_them`,
      [threadId],
    );
    const all = 6 + 2 * appended;
    expect(rows[0]).toEqual({ messages: all, seqs: all, ids: all, last: all });
  });
});

describe('Undo without a trash', () => {
  it('N34 TRASH_RETENTION_DAYS=0: what is undone is gone, and nothing is redone', async () => {
    const app = await startTestApp({ TRASH_RETENTION_DAYS: '0' });
    try {
      const alice = await app.as('acme', 'alice');
      const { id } = await alice.createThread();
      await alice.addMessages(id, [...turn(1), ...turn(2)]);
      expect((await alice.post(`/threads/${id}/undo`)).body).toMatchObject({
        removed: 2,
        remaining: 2,
        removal_id: null,
      });
      expectProblem(await alice.post(`/threads/${id}/redo`), 409, 'NOTHING_TO_REDO');
      expect((await app.db.query('SELECT FROM deleted_messages')).rowCount).toBe(0);
      expect(await brokenCounters(app.db)).toEqual([]);
    } finally {
      await app.close();
    }
  });
});
