import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Lists of memory', () => {
  const { app } = world({ MEMORY_HISTORY_LIMIT: '5' });
  let count = 0;

  const newUser = (): Promise<Client> => app.as('acme', `user${(count += 1)}`);
  const memories = async (client: Client, query = {}): Promise<any> =>
    (await client.get('/memory', { query })).body.memories;
  const put = (client: Client, key: string, value: unknown) => client.put(`/memory/${key}`, { value });
  const numbered = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`key${from + n}`, from + n]));

  it('keeps the earlier values of a key, newest first, page by page, until it is deleted', async () => {
    const user = await newUser();
    for (const value of [null, 'b', { c: 1 }, 'd']) await put(user, 'k', value);
    const history = async (query = {}) => (await user.get('/memory/k/history', { query })).body;
    const { data } = await history();
    expect(data.map(({ version, value }: any) => [version, value])).toEqual([
      [3, { c: 1 }],
      [2, 'b'],
      [1, null],
    ]);
    expect(data[0]).toEqual({ version: 3, value: { c: 1 }, saved_by: `user${count}`, saved_at: expect.any(String) });
    expect(await user.all('/memory/k/history', { limit: 2 })).toEqual(data);
    expect(await user.all('/memory/k/history', { limit: 1, order: 'asc' })).toEqual([...data].reverse());
    expect((await history({ offset: 2 })).data).toEqual(data.slice(2));
    expect(await history({ limit: 0 })).toEqual({ data: [], has_more: false, next_cursor: null });
    expectProblem(await user.get('/memory/k/history?after=x'), 400, 'INVALID_CURSOR');
    for (let n = 0; n < 7; n += 1) await put(user, 'k', n);
    expect((await history()).data.map(({ version }: any) => version)).toEqual([10, 9, 8, 7, 6]);
    await user.delete('/memory/k');
    await put(user, 'k', 'anew');
    expect((await history()).data).toEqual([]);
  });

  it('C17 filters by prefix, literally, and by time', async () => {
    const user = await newUser();
    const keys = ['a_b', 'aXb', 'a%', 'ab', 'Ab', 'user:1', 'user:2', 'user;', 'userA', 'ü', 'üb', '😀a'];
    await user.put('/memory', { memories: Object.fromEntries(keys.map((key) => [key, 1])) });
    const found = async (query: object) => Object.keys(await memories(user, query));
    expect(await found({ prefix: 'a_' })).toEqual(['a_b']);
    expect(await found({ prefix: 'a%' })).toEqual(['a%']);
    expect(await found({ prefix: 'user:' })).toEqual(['user:1', 'user:2']);
    expect(await found({ prefix: 'ü' })).toEqual(['ü', 'üb']);
    expect(await found({ prefix: '😀' })).toEqual(['😀a']);
    expect(await found({ prefix: 'user:', key: 'user:2' })).toEqual(['user:2']);
    const { body } = await put(user, 'ab', 2);
    expect(await found({ updated_from: body.updated_at })).toEqual(['ab']);
    expect(await found({ updated_to: body.updated_at })).toHaveLength(keys.length - 1);
    expectProblem(await user.get(`/memory?updated_from=2&updated_to=1`), 400, 'INVALID_RANGE');
  });

  it('X07 pages in the order of the keys, with a cursor or an offset', async () => {
    const user = await newUser();
    await user.put('/memory', { memories: numbered(10, 60) });
    const keys = Object.keys(numbered(10, 60));
    const all = await user.all('/memories', { limit: 7 });
    expect(all.map(({ key }) => key)).toEqual(keys);
    expect((await user.all('/memories', { limit: 7, order: 'desc' })).map(({ key }) => key)).toEqual(
      [...keys].reverse(),
    );
    expect((await user.get('/memories?limit=5&offset=45')).body).toMatchObject({ has_more: false, next_cursor: null });
    const { body } = await user.get('/memory?limit=20&include_total=true');
    expect([Object.keys(body.memories), body.has_more, body.total]).toEqual([keys.slice(0, 20), true, 50]);
    const next = await user.get('/memory', { query: { limit: 20, after: body.next_cursor } });
    expect(Object.keys(next.body.memories)).toEqual(keys.slice(20, 40));
    expect((await user.get('/memory?limit=0&include_total=true')).body).toMatchObject({ memories: {}, total: 50 });
    expectProblem(await user.get(`/memories?offset=1&after=${body.next_cursor}`), 400, 'BAD_REQUEST');
  });
});
