import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../support/world';
import { startTestApp } from '../support/world/app';
import { expectProblem } from '../support/world/client';

const said = (n: number) => ({ role: n % 2 ? 'assistant' : 'user', content: `Message ${n} is about hotel ${n}.` });
const many = (count: number) => Array.from({ length: count }, (_, n) => said(n));

/** No model is configured: the summaries are the extractive ones (C25). */
describe.each(['threads', 'sessions'] as const)('Summaries of %s', (kind) => {
  const { alice, bob, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex')];
  let id: string;
  const missing = kind === 'threads' ? 'THREAD_NOT_FOUND' : 'SESSION_NOT_FOUND';

  beforeEach(async () => {
    id = kind === 'threads' ? (await alice.createThread()).id : randomUUID();
    if (kind === 'sessions') await alice.post('/sessions', { session_id: id });
  });

  const path = (rest = '') => `/${kind}/${id}${rest}`;
  const append = (messages: object[]) => alice.post(path('/messages'), { messages });
  const messages = async (): Promise<any[]> =>
    (await alice.get(path('/messages'), { query: { limit: 1000 } })).body.data;
  const summaries = async (query = {}): Promise<any> => (await alice.get(path('/summaries'), { query })).body;
  const summarize = (body: object = {}, headers = {}) => alice.post(path('/summarize'), body, headers);
  const version = async (): Promise<number> => (await alice.get(path())).body.version;

  it('P55 U48 U49 takes summaries of the caller, and lists them in the order of their ranges', async () => {
    expect(await summaries()).toEqual({ data: [], has_more: false, next_cursor: null });
    await append(many(20));
    const later = await alice.post(path('/summaries'), { start_turn: 10, end_turn: 20, content: 'Second.' });
    expect(later.status).toBe(201);
    await alice.post(path('/summaries'), { from_seq: 1, to_seq: 10, content: 'First.', token_count: 7 });
    const { data } = await summaries();
    expect(data).toEqual([
      {
        ...{ id: expect.any(String), thread_id: expect.any(String), created_by: 'caller' },
        ...{ start_turn: 0, end_turn: 10, from_seq: 1, to_seq: 10, content: 'First.', token_count: 7 },
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      later.body,
    ]);
    expect(later.body).toMatchObject({ start_turn: 10, end_turn: 20, from_seq: 11, to_seq: 20, token_count: 2 });
    expect(await alice.all(path('/summaries'), { limit: 1 })).toEqual(data);
    expect((await summaries({ order: 'desc', limit: 1 })).data).toEqual([later.body]);
    for (const stranger of strangers) expectProblem(await stranger.get(path('/summaries')), 404, missing);
  });

  it('P55 refuses a range that is none, and stores one summary for an Idempotency-Key', async () => {
    const content = 'x';
    await append(many(3));
    for (const body of [
      { content },
      { content, start_turn: 0 },
      { content, start_turn: 0, to_seq: 3 },
      { content, start_turn: 0, end_turn: 3, from_seq: 1, to_seq: 3 },
      { content, start_turn: 3, end_turn: 3 },
      { content, from_seq: 4, to_seq: 3 },
      { content, from_seq: 0, to_seq: 3 },
      { start_turn: 0, end_turn: 3 },
    ])
      expectProblem(await alice.post(path('/summaries'), body), 400, 'VALIDATION_FAILED');
    // Nor may it reach past the last message: it would stand for what is said next.
    for (const body of [
      { content, start_turn: 0, end_turn: 4 },
      { content, from_seq: 4, to_seq: 4 },
    ]) {
      const beyond = await alice.post(path('/summaries'), body);
      expectProblem(beyond, 400, 'SUMMARY_BEYOND_END');
      expect(beyond.body.detail).toContain('number 3');
    }
    const body = { content, start_turn: 0, end_turn: 3 };
    const key = { 'idempotency-key': randomUUID() };
    const answers = [await alice.post(path('/summaries'), body, key), await alice.post(path('/summaries'), body, key)];
    expect(answers[1].body).toEqual(answers[0].body);
    expect((await summaries()).data).toHaveLength(1);
  });

  it('F44 C25 C26 summarizes all but the newest, without a model; the messages stay', async () => {
    await append(many(30));
    const before = await messages();
    const { status, body, headers } = await summarize({ keep_last: 4 });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      summary: { start_turn: 0, end_turn: 26, from_seq: 1, to_seq: 26, created_by: 'local' },
      ...{ mode: 'keep', removed: 0, total: 30, version: await version() },
    });
    expect(headers.etag).toBe(`"${body.version}"`);
    expect(body.summary.content).toMatch(/hotel/);
    expect((await summaries()).data).toEqual([body.summary]);
    expect(await messages()).toEqual(before);
    // What has a summary gets no second one.
    expect((await summarize({ keep_last: 4 })).body).toMatchObject({ summary: null, version: body.version });
    await append(many(3));
    expect((await summarize({ keep_last: 4 })).body.summary).toMatchObject({ from_seq: 27, to_seq: 29 });
    for (const stranger of strangers) expectProblem(await stranger.post(path('/summarize'), {}), 404, missing);
  });

  it('P28 C24 C40 U98 replaces all but the last ten by one system message; fewer than eleven stay', async () => {
    await append(many(10));
    expect((await summarize({ mode: 'replace' })).body).toMatchObject({ summary: null, removed: 0, total: 10 });
    await append(many(20));
    const before = await messages();
    const { body } = await summarize({ mode: 'replace' });
    expect(body).toMatchObject({ mode: 'replace', removed: 20, total: 11, summary: { from_seq: 1, to_seq: 20 } });
    const after = await messages();
    expect(after).toHaveLength(11);
    expect(after[0]).toMatchObject({ id: body.summary.id, role: 'system', seq: 20 });
    expect(JSON.stringify(after[0].content)).toContain(`[Summary of 20 earlier messages]: `);
    expect(after.slice(1)).toEqual(before.slice(20));
    expect((await alice.get(path())).body.token_count).toBe(after.reduce((sum, m) => sum + m.token_count, 0));
    expect((await summaries()).data).toEqual([]);
    // Once more: a summary of nothing but the summary would only lose something.
    expect((await summarize({ mode: 'replace' })).body).toMatchObject({ summary: null, total: 11 });
    await append(many(5));
    const again = await summarize({ mode: 'replace' });
    expect(again.body).toMatchObject({ removed: 6, total: 11, summary: { from_seq: 1, to_seq: 25 } });
    expect(JSON.stringify((await messages())[0].content)).toContain('[Summary of 25 earlier messages]: ');
    expect((await append([said(0)])).body.data[0].seq).toBe(36);
  });

  it('P28 instructions at the head stay; a tool call stays with its result, and at least keep_last messages', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'search', arguments: '{}' } };
    await append([
      { role: 'system', content: 'Be brief.' },
      ...many(4),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: 'Three hotels.' },
      said(9),
    ]);
    const { body } = await summarize({ mode: 'replace', keep_last: 2 });
    expect(body).toMatchObject({ removed: 4, total: 5, summary: { from_seq: 2, to_seq: 5 } });
    expect((await messages()).map(({ role }) => role)).toEqual(['system', 'system', 'assistant', 'tool', 'assistant']);
  });

  it('replacing removes the summaries of the same messages, and no other', async () => {
    await append(many(30));
    await summarize({ keep_last: 20 });
    await alice.post(path('/summaries'), { start_turn: 15, end_turn: 29, content: 'Reaches further.' });
    await summarize({ mode: 'replace' });
    expect((await summaries()).data.map((each: any) => each.content)).toEqual(['Reaches further.']);
  });

  it('C39 clearing removes the summaries too; metadata and owner stay', async () => {
    await append(many(12));
    await summarize({ keep_last: 2 });
    await alice.patch(path(), { metadata: { note: 1 } });
    await alice.delete(path('/messages'));
    expect((await summaries()).data).toEqual([]);
    expect((await alice.get(path())).body).toMatchObject({ message_count: 0, token_count: 0, metadata: { note: 1 } });
  });

  it('summarizes once for an Idempotency-Key, also when there is nothing to do, and not at another version', async () => {
    const empty = { 'idempotency-key': randomUUID() };
    const nothing = await summarize({ keep_last: 1 }, empty);
    await append(many(6));
    expect((await summarize({ keep_last: 1 }, empty)).body).toEqual(nothing.body);
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all([1, 2, 3].map(() => summarize({ keep_last: 1 }, key)));
    expect(answers.map(({ body }) => body)).toEqual(Array(3).fill(answers[0].body));
    expect((await summaries()).data).toEqual([answers[0].body.summary]);
    expectProblem(await summarize({ keep_last: 2 }, key), 422);
    await append(many(1));
    expectProblem(await summarize({ keep_last: 1 }, { 'if-match': '"1"' }), 412, 'PRECONDITION_FAILED');
  });

  it('C10 knows no unknown id, and no session is made by a summary of messages that are not there', async () => {
    id = randomUUID();
    for (const answer of [await alice.get(path('/summaries')), await summarize()]) expectProblem(answer, 404, missing);
    const added = await alice.post(path('/summaries'), { start_turn: 0, end_turn: 4, content: 'From elsewhere.' });
    expectProblem(added, 404, missing);
    expectProblem(await alice.get(path()), 404, missing);
  });
});

it('C39 U38 a state that replaces messages removes the summaries that reach them', async () => {
  const app = await startTestApp();
  try {
    const alice = await app.as('acme', 'alice');
    const history = many(6);
    await alice.put('/sessions/s/state', { history });
    for (const [start_turn, end_turn] of [
      [0, 2],
      [2, 4],
    ])
      await alice.post('/sessions/s/summaries', { start_turn, end_turn, content: `${start_turn}` });
    const left = async () => (await alice.get('/sessions/s/summaries')).body.data.map((each: any) => each.content);
    await alice.put('/sessions/s/state', { history: [...history, said(6)] });
    expect(await left()).toEqual(['0', '2']);
    await alice.put('/sessions/s/state', { history: history.slice(0, 3) });
    expect(await left()).toEqual(['0']);
  } finally {
    await app.close();
  }
});

it('P32 U56 U57 a list of summaries keeps no session alive; after its end there is none to add to', async () => {
  const app = await startTestApp({ SESSION_TTL_SECONDS: '2' });
  try {
    const alice = await app.as('acme', 'alice');
    const post = (content: string) => alice.post('/sessions/s/summaries', { start_turn: 0, end_turn: 1, content });
    await alice.post('/sessions/s/messages', said(0));
    await post('First.');
    for (let n = 0; n < 4; n += 1) {
      await sleep(600);
      await alice.get('/sessions/s/summaries');
    }
    expectProblem(await alice.get('/sessions/s/summaries'), 404, 'SESSION_NOT_FOUND');
    expectProblem(await post('Late.'), 404, 'SESSION_NOT_FOUND');
    await alice.post('/sessions/s/messages', said(0));
    expect((await post('Second.')).status).toBe(201);
    expect((await alice.get('/sessions/s/summaries')).body.data).toMatchObject([{ content: 'Second.' }]);
  } finally {
    await app.close();
  }
});
