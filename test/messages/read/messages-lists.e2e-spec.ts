import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';

const texts = ({ body }: { body: any }) => body.data.map((message: any) => message.content.text);
const numbered = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => ({ role: 'user', content: `msg-${index + from}` }));
const names = (...numbers: number[]) => numbers.map((number) => `msg-${number}`);

describe('Lists of messages', () => {
  const { app, alice, mallory } = world();
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const list = (query: Record<string, string | number> = {}, client = alice) =>
    client.get(`/threads/${threadId}/messages`, { query });
  const fill = (count: number) => alice.addMessages(threadId, numbered(count));

  it('F27 U14 U136 U137 S24 S26 pages oldest first by limit and offset', async () => {
    await fill(5);
    expect(texts(await list())).toEqual(names(1, 2, 3, 4, 5));
    expect(texts(await list({ limit: 3 }))).toEqual(names(1, 2, 3));
    expect(texts(await list({ offset: 2 }))).toEqual(names(3, 4, 5));
    const page = await list({ limit: 2, offset: 2 });
    expect(texts(page)).toEqual(names(3, 4));
    expect(page.body).toMatchObject({ total: 5, has_more: true, next_cursor: expect.any(String) });
  });

  it('S25 U46 P52 the total is that of the thread, whatever the page', async () => {
    expect((await list({ limit: 1 })).body.total).toBe(0);
    await fill(3);
    expect((await list({ limit: 1 })).body.total).toBe(3);
    expect((await list({ offset: 7 })).body).toEqual({
      data: [],
      has_more: false,
      next_cursor: null,
      total: 3,
      version: 2,
    });
    expectProblem(await list({ limit: 1 }, mallory), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.get('/threads/not-an-id/messages', { query: { limit: 1 } }), 404, 'THREAD_NOT_FOUND');
  });

  it('S50 reads a range', async () => {
    await alice.addMessages(threadId, numbered(10, 0));
    const page = await list({ limit: 3, offset: 4 });
    expect(texts(page)).toEqual(names(4, 5, 6));
    expect(page.body.total).toBe(10);
  });

  it('an id in capitals is the same thread, and is shown in small letters', async () => {
    await fill(1);
    const { status, body } = await alice.get(`/threads/${threadId.toUpperCase()}/messages`);
    expect([status, body.data[0].thread_id]).toEqual([200, threadId]);
    const both = [threadId, threadId.toUpperCase()].map((name) => alice.addMessage(name));
    expect((await Promise.all(both)).map(({ seq }) => seq).sort()).toEqual([2, 3]);
  });

  it('C06 limit=0 is an empty page with its total; 1000 is the most', async () => {
    await fill(2);
    expect((await list({ limit: 0 })).body).toEqual({
      data: [],
      has_more: false,
      next_cursor: null,
      total: 2,
      version: 2,
    });
    expect((await list({ limit: 1000 })).status).toBe(200);
    for (const limit of ['-1', '1001', '1.5', 'abc', '', ' 1', '1e2', '99999999999999999999', '0x10']) {
      expectProblem(await list({ limit }), 400, 'VALIDATION_FAILED');
    }
  });

  it.each(['offset', 'last', 'after_seq', 'before_seq'])('C06 refuses %s=-1, 1.5 and words', async (name) => {
    for (const value of ['-1', '1.5', 'abc']) expectProblem(await list({ [name]: value }), 400, 'VALIDATION_FAILED');
  });

  it('F74 C05 P51 U64 last=n is the newest n, oldest first; order=desc is newest first', async () => {
    expect((await list({ last: 3 })).body).toMatchObject({ data: [], total: 0 });
    await fill(5);
    expect(texts(await list({ last: 2 }))).toEqual(names(4, 5));
    expect((await list({ last: 2 })).body).toMatchObject({ total: 5, has_more: true });
    expect(texts(await list({ last: 100 }))).toEqual(names(1, 2, 3, 4, 5));
    expect(texts(await list({ order: 'desc', limit: 2 }))).toEqual(names(5, 4));
    expect(texts(await list({ order: 'desc', limit: 2, offset: 1 }))).toEqual(names(4, 3));
    expectProblem(await list({ last: 0 }), 400, 'VALIDATION_FAILED');
    expectProblem(await list({ last: 2, offset: 1 }), 400, 'BAD_REQUEST');
    expectProblem(await list({ last: 2 }, mallory), 404, 'THREAD_NOT_FOUND');
  });

  it.each(['asc', 'desc'])('F61 a long thread pages by cursor, each message once, order=%s', async (order) => {
    for (let from = 1; from <= 2001; from += 1000) await alice.addMessages(threadId, numbered(1000, from));
    const all = await alice.all(`/threads/${threadId}/messages`, { limit: 700, order });
    const seqs = all.map((message) => message.seq);
    const expected = Array.from({ length: 3000 }, (_, index) => index + 1);
    expect(seqs).toEqual(order === 'asc' ? expected : expected.reverse());
  });

  it.each(['asc', 'desc'])('C56 a cursor goes on inside its window, order=%s', async (order) => {
    await fill(9);
    const window = { after_seq: 2, before_seq: 8, limit: 2, order };
    const all = await alice.all(`/threads/${threadId}/messages`, window);
    const seqs = all.map((message) => message.seq);
    expect(order === 'asc' ? seqs : seqs.reverse()).toEqual([3, 4, 5, 6, 7]);
  });

  it('F61 the list of threads carries no messages', async () => {
    await alice.addMessage(threadId, 'a body to look for');
    const { body, text } = await alice.get('/threads', { query: { limit: 10 } });
    expect(body.data.find((thread: any) => thread.id === threadId)).not.toHaveProperty('chat_messages');
    expect(text).not.toContain('a body to look for');
  });

  it('F61 a cursor is refused when it is forged, and with offset', async () => {
    await fill(3);
    const { next_cursor: after } = (await list({ limit: 1 })).body;
    expect(texts(await list({ after }))).toEqual(names(2, 3));
    expectProblem(await list({ after, offset: 1 }), 400, 'BAD_REQUEST');
    for (const forged of ['x', 'bnVsbA', Buffer.from('["1"]').toString('base64url'), `${after}${after}`]) {
      expectProblem(await list({ after: forged }), 400, 'INVALID_CURSOR');
    }
  });

  it('C16 the order is that of seq, also when times are equal', async () => {
    await fill(5);
    await app.db.query('UPDATE messages SET created_at = $2 WHERE thread_id = $1', [threadId, '2025-01-01T00:00:00Z']);
    expect((await list()).body.data.map((message: any) => message.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(texts(await list({ limit: 2, offset: 2 }))).toEqual(names(3, 4));
  });

  it('F48 from is inclusive, to is exclusive', async () => {
    await fill(4);
    const at = (hour: number) => `2025-01-01T0${hour}:00:00.000Z`;
    await app.db.query(
      `UPDATE messages SET created_at = '2025-01-01T00:00:00Z'::timestamptz + seq * interval '1 hour' WHERE thread_id = $1`,
      [threadId],
    );
    expect(texts(await list({ from: at(2) }))).toEqual(names(2, 3, 4));
    expect(texts(await list({ to: at(3) }))).toEqual(names(1, 2));
    expect(texts(await list({ from: at(2), to: at(4) }))).toEqual(names(2, 3));
    expect(texts(await list({ from: at(2), to: at(2) }))).toEqual([]);
    expect(texts(await list({ from: '2025-01-01T03:00:00+01:00', to: at(3) }))).toEqual(names(2));
    expect(texts(await list({ last: 1, to: at(4) }))).toEqual(names(3));
    expect((await list({ from: at(2) })).body.total).toBe(4);
    expectProblem(await list({ from: at(3), to: at(2) }), 400, 'INVALID_RANGE');
    for (const from of ['yesterday', '2025-01-01T00:00:00', '2025-02-40T00:00:00Z', '', '-1']) {
      expectProblem(await list({ from }), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await list({ from: at(2) }, mallory), 404, 'THREAD_NOT_FOUND');
  });

  it('C56 after_seq neither skips nor repeats while others write and delete', async () => {
    await fill(50);
    const seen: number[] = [];
    for (let turn = 0; ; turn += 1) {
      const [{ body }] = await Promise.all([
        list({ after_seq: seen.at(-1) ?? 0, limit: 10 }),
        turn < 8 && alice.addMessage(threadId, `later-${turn}`),
        turn < 8 && alice.delete(`/messages/${(await list({ limit: 1 })).body.data[0].id}`),
      ]);
      seen.push(...body.data.map((message: any) => message.seq));
      if (turn >= 8 && !body.has_more) break;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const left = await alice.all(`/threads/${threadId}/messages`);
    expect(left.filter((message) => !seen.includes(message.seq))).toEqual([]);
  }, 60_000);

  it('C56 after_seq and before_seq bound a window, which a limit and an order cut', async () => {
    await fill(9);
    expect(texts(await list({ after_seq: 3, before_seq: 6 }))).toEqual(names(4, 5));
    expect(texts(await list({ after_seq: 3, order: 'desc', limit: 2 }))).toEqual(names(9, 8));
    expect(texts(await list({ after_seq: 9 }))).toEqual([]);
    expect((await list({ before_seq: 1 })).body).toMatchObject({ data: [], total: 9 });
  });

  it('C56 a window holds from one page to the next', async () => {
    await fill(9);
    const bounds = { after_seq: 2, before_seq: 8 };
    const found: string[] = [];
    for (let afterSeq = bounds.after_seq; ;) {
      const page = await list({ ...bounds, after_seq: afterSeq, limit: 2 });
      found.push(...texts(page));
      if (!page.body.has_more) break;
      afterSeq = page.body.data.at(-1).seq;
    }
    expect(found).toEqual(names(3, 4, 5, 6, 7));
  });

  it('an unknown or a repeated parameter is 400', async () => {
    expectProblem(await list({ limt: 1 }), 400, 'VALIDATION_FAILED');
    expectProblem(await alice.get(`/threads/${threadId}/messages?limit=1&limit=2`), 400);
  });
});
