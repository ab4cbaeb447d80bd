import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';

const said = (n: number) => ({ role: n % 2 ? 'assistant' : 'user', content: `Message ${n}`, cost: 0.001 });
const many = (count: number) => Array.from({ length: count }, (_, n) => said(n));

const { app, alice, strangers } = world({ MESSAGE_BATCH_LIMIT: '10000' });

const messagesOf = async (path: string): Promise<any[]> => alice.all(`${path}/messages`, { limit: 1000 });
/** Without what makes a message another one. */
const content = (messages: any[]) =>
  messages.map(({ id: _id, thread_id: _thread, chat_thread_id: _chat, seq: _seq, ...rest }) => rest);
const rows = async (): Promise<any> =>
  (
    await app.db.query(`SELECT (SELECT count(*) FROM threads) t, (SELECT count(*) FROM messages) m,
    (SELECT count(*) FROM sessions) s, (SELECT count(*) FROM summaries) u`)
  ).rows[0];

describe('Forks of threads', () => {
  const fork = (id: string, body?: object, client = alice, headers = {}) =>
    client.post(`/threads/${id}/fork`, body, headers);
  const thread = async (id: string): Promise<any> => (await alice.get(`/threads/${id}`)).body;

  it('F41 copies all of a thread under new ids, in order', async () => {
    const source = await alice.createThread('Tokyo', { metadata: { a: 1 }, auto_summarize: true });
    const calls = [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"x": 1}' } }];
    await alice.addMessages(source.id, [
      { ...said(0), timestamp: '2020-01-01T00:00:00Z', metadata: { b: [null] }, sender_id: 'alice', id: randomUUID() },
      { role: 'assistant', content: null, tool_calls: calls },
      { role: 'tool', tool_call_id: 'c1', content: { any: 'thing' }, cost: 0.25, token_count: 7 },
    ]);
    const before = await thread(source.id);
    expect(before).toMatchObject({ parent_thread_id: null, fork_point: null });
    const { status, body, headers } = await fork(source.id);
    expect({ status, etag: headers.etag }).toEqual({ status: 201, etag: `"${body.version}"` });
    const { message_count, token_count, total_cost, metadata, auto_summarize } = before;
    expect(body).toMatchObject({ name: 'Tokyo', message_count, token_count, total_cost, metadata, auto_summarize });
    expect(body).toMatchObject({ user_id: 'alice', parent_thread_id: source.id, fork_point: 3, status: 'active' });
    expect(body.id).not.toBe(source.id);
    expect(Date.parse(body.created_at)).toBeGreaterThanOrEqual(Date.parse(before.updated_at));
    const [old, copied] = [await messagesOf(`/threads/${source.id}`), await messagesOf(`/threads/${body.id}`)];
    expect(content(copied)).toEqual(content(old));
    expect(copied.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(new Set([...old, ...copied].map(({ id }) => id)).size).toBe(6);
    expect(await thread(source.id)).toEqual(before);
    expect((await alice.get('/threads/current')).body.thread).toEqual(body);
  });

  it('F41 U105 later writes do not cross, in either direction', async () => {
    const { id } = await alice.createThread();
    const [first] = await alice.addMessages(id, many(2));
    const copy = (await fork(id, { name: ' Other way ' })).body;
    expect(copy.name).toBe('Other way');
    expect((await alice.addMessage(copy.id, 'in the fork')).seq).toBe(3);
    await alice.addMessage(id, 'in the source');
    await alice.patch(`/messages/${first.id}`, { content: 'Edited' });
    await alice.patch(`/threads/${copy.id}`, { metadata: { only: 'here' } });
    expect((await messagesOf(`/threads/${copy.id}`)).map((m) => m.content.text)).toEqual([
      ...['Message 0', 'Message 1', 'in the fork'],
    ]);
    expect((await thread(id)).metadata).toEqual({});
    await alice.delete(`/threads/${id}`);
    expect(await thread(copy.id)).toMatchObject({ message_count: 3, parent_thread_id: id, fork_point: 2 });
  });

  it('F41 copies up to a message or a number', async () => {
    const { id } = await alice.createThread();
    const stored = await alice.addMessages(id, many(6));
    for (const [from, to] of [
      [1, 2],
      [3, 4],
      [1, 6],
    ]) {
      await alice.post(`/threads/${id}/summaries`, { from_seq: from, to_seq: to, content: `${from}-${to}` });
    }
    const upTo = async (body: object): Promise<unknown> => {
      const { id: copy, message_count, fork_point } = (await fork(id, body)).body;
      const summaries = (await alice.all(`/threads/${copy}/summaries`)).map((s) => s.content);
      return { message_count, fork_point, summaries };
    };
    const four = { message_count: 4, fork_point: 4, summaries: ['1-2', '3-4'] };
    expect(await upTo({ up_to_message_id: stored[3].id })).toEqual(four);
    expect(await upTo({ up_to_seq: 4 })).toEqual(four);
    expect(await upTo({ up_to_seq: 0 })).toEqual({ message_count: 0, fork_point: 0, summaries: [] });
    expect(await upTo({ up_to_seq: 99 })).toMatchObject({ message_count: 6, fork_point: 6 });
    const other = await alice.addMessage((await alice.createThread()).id);
    for (const up_to_message_id of [other.id, randomUUID()]) {
      expectProblem(await fork(id, { up_to_message_id }), 404, 'MESSAGE_NOT_FOUND');
    }
    for (const body of [{ up_to_seq: 1, up_to_message_id: stored[0].id }, { up_to_seq: -1 }, { name: ' ' }, { x: 1 }]) {
      expectProblem(await fork(id, body), 400, 'VALIDATION_FAILED');
    }
  });

  it('C38 numbers messages and summaries anew where messages are missing', async () => {
    const { id } = await alice.createThread();
    const stored = await alice.addMessages(id, many(6));
    await alice.delete(`/messages/${stored[1].id}`);
    for (const [from, to] of [
      [2, 2],
      [1, 3],
      [3, 4],
    ]) {
      await alice.post(`/threads/${id}/summaries`, { from_seq: from, to_seq: to, content: 'x' });
    }
    const ranges = async (thread: string) =>
      (await alice.all(`/threads/${thread}/summaries`)).map((s) => [s.from_seq, s.to_seq]);
    const seqs = async (thread: string) => (await messagesOf(`/threads/${thread}`)).map(({ seq }) => seq);
    const copy = (await fork(id)).body;
    expect([await seqs(copy.id), await ranges(copy.id), copy.fork_point]).toEqual([
      [1, 2, 3, 4, 5],
      [
        [1, 2],
        [2, 3],
      ],
      6,
    ]);
    // A summary of what was truncated goes on standing for it, and for nothing else.
    await alice.post(`/threads/${id}/truncate`, { keep_last: 2 });
    const short = (await fork(id)).body.id;
    expect(await seqs(short)).toEqual([5, 6]);
    expect(await ranges(short)).toEqual(await ranges(id));
  });

  it('F41 forks an empty thread, a fork, and an archived one', async () => {
    const { id } = await alice.createThread();
    await alice.post(`/threads/${id}/archive`);
    const first = (await fork(id)).body;
    expect(first).toMatchObject({ message_count: 0, fork_point: 0, status: 'active' });
    expect((await alice.addMessage(first.id)).seq).toBe(1);
    expect((await fork(first.id)).body).toMatchObject({ message_count: 1, parent_thread_id: first.id });
  });

  it('F41 forks 10,000 messages for about what they cost to write, with ids in the order of their numbers', async () => {
    const { id } = await alice.createThread();
    const began = performance.now();
    await alice.addMessages(id, many(10_000));
    const written = performance.now();
    const copy = (await fork(id)).body;
    // It is usually a half of it. One by one, they would cost a hundred times as much.
    expect((performance.now() - written) / (written - began)).toBeLessThan(20);
    expect(copy).toMatchObject({ message_count: 10_000, total_cost: 10 });
    await alice.addMessage(copy.id, 'after');
    const { rows: ids } = await app.db.query(
      `SELECT array_agg(id ORDER BY id) = array_agg(id ORDER BY seq) AS sorted, max(seq)::int AS last,
         bool_and(id::text ~ '^.{14}7.{4}[89ab]') AS v7 FROM messages WHERE thread_id = $1`,
      [copy.id],
    );
    expect(ids[0]).toEqual({ sorted: true, last: 10_001, v7: true });
  });

  it('F41 U105 20 parallel forks of a thread that is written to are whole', async () => {
    const { id } = await alice.createThread();
    await alice.addMessages(id, many(50));
    const writes = Promise.all(many(20).map((message) => alice.addMessage(id, message)));
    const forks = await Promise.all(Array.from({ length: 20 }, () => fork(id)));
    await writes;
    expect(forks.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(new Set(forks.map(({ body }) => body.id)).size).toBe(20);
    for (const { body } of forks) expect(body.message_count).toBe(body.fork_point);
    expect(await brokenCounters(app.db)).toEqual([]);
    const ours = new Set(forks.map(({ body }) => body.id));
    expect(((await threadsWithGaps(app.db)) as any[]).filter((t) => ours.has(t.thread_id))).toEqual([]);
  });

  it('F41 is nothing for strangers; an admin gets a thread of their own; a retry forks once', async () => {
    const { id } = await alice.createThread();
    await alice.addMessages(id, many(2));
    const before = await rows();
    for (const client of strangers) expectProblem(await fork(id, {}, client), 404, 'THREAD_NOT_FOUND');
    expect(await rows()).toEqual(before);
    const retry = () => fork(id, {}, alice, { 'idempotency-key': 'fork' });
    expect((await retry()).body).toEqual((await retry()).body);
    expect(Number((await rows()).t)).toBe(Number(before.t) + 1);
    const admins = (await fork(id, {}, await app.as('acme', 'root', 'admin'))).body;
    expect(admins).toMatchObject({ user_id: 'root', message_count: 2 });
    expectProblem(await alice.get(`/threads/${admins.id}`), 404, 'THREAD_NOT_FOUND');
  });
});
