import { randomUUID } from 'node:crypto';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { brokenCounters } from '../../support/world/integrity';

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
const said = (n: number, more: object = {}) => ({ role: 'user', content: `msg-${n}`, cost: '0.001', ...more });
const many = (count: number) => Array.from({ length: count }, (_, n) => said(n));
const call = (id: string) => ({ id, type: 'function', function: { name: 'search', arguments: '{}' } });

describe.each(['threads', 'sessions'] as const)('Truncation of %s', (kind) => {
  const { app, alice, bob, someone } = world();
  const strangers = [bob, someone('alice', 'member', 'globex')];
  let id: string;
  const missing = kind === 'threads' ? 'THREAD_NOT_FOUND' : 'SESSION_NOT_FOUND';

  beforeEach(async () => {
    id = kind === 'threads' ? (await alice.createThread()).id : randomUUID();
    if (kind === 'sessions') await alice.post('/sessions', { session_id: id });
  });
  afterEach(async () => expect(await brokenCounters(app.db)).toEqual([]));

  const path = (rest = '') => `/${kind}/${id}${rest}`;
  const append = async (messages: object[]) => (await alice.post(path('/messages'), { messages })).body;
  const seqs = async (): Promise<number[]> =>
    (await alice.get(path('/messages'))).body.data.map(({ seq }: { seq: number }) => seq);
  const truncate = (body: object, headers = {}) => alice.post(path('/truncate'), body, headers);

  it('P26 C28 C40 keeps the newest 20 of 25; counters are exact, numbers go on', async () => {
    const { version } = await append(many(25));
    const { status, body, headers } = await truncate({ keep_last: 20 });
    expect(status).toBe(200);
    expect(body).toEqual({ removed: 5, remaining: 20, total: 20, version: version + 1 });
    expect(headers.etag).toBe(`"${version + 1}"`);
    expect(await seqs()).toEqual(Array.from({ length: 20 }, (_, n) => n + 6));
    expect((await alice.get(path())).body).toMatchObject({ message_count: 20, total_cost: 0.02 });
    // Nothing more to remove: no write.
    expect((await truncate({ keep_last: 20 })).body).toEqual({ ...body, removed: 0 });
    expect((await append([said(1)])).data[0].seq).toBe(26);
    expect((await truncate({ keep_last: 0 })).body).toMatchObject({ removed: 21, remaining: 0 });
    for (const stranger of strangers)
      expectProblem(await stranger.post(path('/truncate'), { keep_last: 1 }), 404, missing);
  });

  it('P27 keeps what is younger, by the time of the caller, wherever it stands', async () => {
    await append([
      said(1, { timestamp: hoursAgo(48) }),
      said(2, { timestamp: hoursAgo(1) }),
      said(3, { timestamp: hoursAgo(25) }),
      said(4),
    ]);
    expect((await truncate({ max_age_hours: 24 })).body).toMatchObject({ removed: 2, remaining: 2 });
    expect(await seqs()).toEqual([2, 4]);
    expect((await truncate({ max_age_hours: 0.5 })).body).toMatchObject({ removed: 1, remaining: 1 });
    expect(await seqs()).toEqual([4]);
  });

  it('P27 after: strictly later ones stay', async () => {
    const times = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z', '2026-01-02T00:00:00.000Z'];
    await append(times.map((timestamp, n) => said(n, { timestamp })));
    expect((await truncate({ after: times[0] })).body).toMatchObject({ removed: 1, remaining: 2 });
    expect((await truncate({ after: Date.parse(times[1]) })).body).toMatchObject({ removed: 1, remaining: 1 });
    expect(await seqs()).toEqual([3]);
    expect((await truncate({ after: new Date(Date.now() + 60_000).toISOString() })).body.remaining).toBe(0);
  });

  it('never splits a tool call from its results', async () => {
    const turn = (at: (n: number) => object) => [
      said(0, at(0)),
      { role: 'assistant', content: null, tool_calls: [call('a'), call('b')], ...at(1) },
      { role: 'tool', tool_call_id: 'a', content: 'A', ...at(2) },
      { role: 'tool', tool_call_id: 'b', content: 'B', ...at(3) },
      said(4, at(4)),
    ];
    await append(turn(() => ({})));
    // The cut would run through the unit: it moves behind it.
    expect((await truncate({ keep_last: 2 })).body).toMatchObject({ removed: 4, remaining: 1 });
    await alice.delete(path('/messages'));
    // One young result keeps its call and the other result; what stands between and is old goes.
    await append(turn((n) => ({ timestamp: n === 3 ? hoursAgo(1) : hoursAgo(30) })));
    expect((await truncate({ max_age_hours: 24 })).body).toMatchObject({ removed: 2, remaining: 3 });
    expect(await seqs()).toEqual([7, 8, 9]);
  });

  it('summaries of what is gone stay', async () => {
    await append(many(12));
    const { summary } = (await alice.post(path('/summarize'), { keep_last: 4 })).body;
    await truncate({ keep_last: 4 });
    expect((await alice.get(path('/summaries'))).body.data).toEqual([summary]);
    expect((await alice.post(path('/summarize'), { keep_last: 2 })).body.summary).toMatchObject({
      from_seq: 9,
      to_seq: 10,
    });
  });

  it('checks the version, takes an Idempotency-Key, and exactly one rule', async () => {
    const { version } = await append(many(5));
    expectProblem(await truncate({ keep_last: 1 }, { 'if-match': `"${version - 1}"` }), 412, 'PRECONDITION_FAILED');
    expectProblem(await truncate({ keep_last: 1, expected_version: version - 1 }), 409, 'VERSION_CONFLICT');
    for (const body of [
      {},
      { keep_last: 1, max_age_hours: 1 },
      { keep_last: -1 },
      { max_age_hours: -1 },
      { max_age_hours: '1' },
      { after: 'yesterday' },
      { keep: 1 },
    ])
      expectProblem(await truncate(body), 400, 'VALIDATION_FAILED');
    expect(await seqs()).toHaveLength(5);
    const key = { 'idempotency-key': randomUUID() };
    const first = await truncate({ keep_last: 3 }, { ...key, 'if-match': `"${version}"` });
    expect(first.body).toMatchObject({ removed: 2, remaining: 3 });
    await append(many(2));
    expect((await truncate({ keep_last: 3 }, key)).body).toEqual(first.body);
    expect(await seqs()).toHaveLength(5);
    id = randomUUID();
    expectProblem(await truncate({ keep_last: 1 }), 404, missing);
  });

  it('loses nothing that is appended at the same time', async () => {
    await append(many(50));
    await Promise.all([
      ...Array.from({ length: 10 }, (_, n) => alice.post(path('/messages'), said(n))),
      ...Array.from({ length: 5 }, () => truncate({ keep_last: 20 })),
    ]);
    await truncate({ keep_last: 20 });
    expect(await seqs()).toEqual(Array.from({ length: 20 }, (_, n) => n + 41));
  });
});
