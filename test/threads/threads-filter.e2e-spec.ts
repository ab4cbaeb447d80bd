import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Filters of lists of threads', () => {
  const { app, newUser } = world();

  const names = async (client: Client, query: Record<string, string>): Promise<string[]> => {
    const { status, body, text } = await client.get('/threads', { query });
    if (status !== 200) throw new Error(text);
    return body.data.map((thread: any) => thread.name).sort();
  };

  it('F48 filters by time, from inclusive and to exclusive', async () => {
    const alice = await newUser();
    const threads: any[] = [];
    for (const name of ['a', 'b', 'c']) threads.push(await alice.createThread(name));
    // Apart by a second each, whatever the clock of this machine did.
    for (const [index, { id }] of threads.entries()) {
      const shifted = `created_at + $2 * interval '1 s'`;
      await app.db.query(`UPDATE threads SET created_at = ${shifted}, updated_at = ${shifted} WHERE id = $1`, [
        id,
        index,
      ]);
    }
    const [, b, c] = (await alice.get('/threads', { query: { order: 'asc' } })).body.data;
    for (const field of ['created', 'updated']) {
      const range = (from?: string, to?: string) =>
        names(alice, { ...(from && { [`${field}_from`]: from }), ...(to && { [`${field}_to`]: to }) });
      expect(await range(b.created_at)).toEqual(['b', 'c']);
      expect(await range(undefined, b.created_at)).toEqual(['a']);
      expect(await range(b.created_at, c.created_at)).toEqual(['b']);
      expect(await range(b.created_at, b.created_at)).toEqual([]);
      expect(await range(String(Date.parse(c.created_at)))).toEqual(['c']);
      // A date is midnight in UTC.
      expect(await range('2025-01-01')).toEqual(['a', 'b', 'c']);
      expect(await range(undefined, '2025-01-01')).toEqual([]);
      const bad = [
        'yesterday',
        '2025-13-01T00:00:00Z',
        '2025-02-30T00:00:00Z',
        '2025-02-30',
        '2025-01-01T00:00:00',
        '',
      ];
      for (const text of bad) {
        const query = { [`${field}_from`]: text };
        expectProblem(await alice.get('/threads', { query }), 400, 'VALIDATION_FAILED');
      }
      const query = { [`${field}_from`]: c.created_at, [`${field}_to`]: b.created_at };
      expectProblem(await alice.get('/threads', { query }), 400, 'INVALID_RANGE');
    }
  });

  it('C17 finds names literally, in any case', async () => {
    const alice = await newUser();
    for (const name of ['100% sure', '100 sure', 'user_chat', 'userXchat', 'back\\slash', 'HÀ NỘI']) {
      await alice.createThread(name);
    }
    expect(await names(alice, { name: '%' })).toEqual(['100% sure']);
    expect(await names(alice, { name: '0%' })).toEqual(['100% sure']);
    expect(await names(alice, { name: '_' })).toEqual(['user_chat']);
    expect(await names(alice, { name: 'R_C' })).toEqual(['user_chat']);
    expect(await names(alice, { name: '\\' })).toEqual(['back\\slash']);
    expect(await names(alice, { name: 'hà nội' })).toEqual(['HÀ NỘI']);
    expect(await names(await newUser(), { name: 'sure' })).toEqual([]);
    expectProblem(await alice.get('/threads', { query: { name: '' } }), 400);
    expectProblem(await alice.get('/threads', { query: { name: 'a\0' } }), 400, 'INVALID_TEXT');
  });

  it('filters by what the metadata hold', async () => {
    const alice = await newUser();
    await alice.createThread('a', { metadata: { project: 'travel', tags: ['x', 'y'] } });
    await alice.createThread('b', { metadata: { project: 'work' } });
    expect(await names(alice, { metadata: '{"project":"travel"}' })).toEqual(['a']);
    expect(await names(alice, { metadata: '{"tags":["y"]}' })).toEqual(['a']);
    expect(await names(alice, { metadata: '{}' })).toEqual(['a', 'b']);
    expect(await names(await newUser(), { metadata: '{"project":"travel"}' })).toEqual([]);
    for (const metadata of ['travel', '[1]', 'null', '{"a":', '{"a":"\\u0000"}', '"x"']) {
      expectProblem(await alice.get('/threads', { query: { metadata } }), 400);
    }
  });

  it('P44 C55 hides archived threads unless asked, and keeps them readable', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    await alice.createThread('open');
    const { id } = await alice.createThread('done');
    expectProblem(await bob.post(`/threads/${id}/archive`), 404, 'THREAD_NOT_FOUND');
    const archived = await alice.post(`/threads/${id}/archive`);
    expect([archived.status, archived.body.status]).toEqual([200, 'archived']);
    expect(await names(alice, {})).toEqual(['open']);
    expect(await names(alice, { status: 'archived' })).toEqual(['done']);
    expect(await names(alice, { status: 'all' })).toEqual(['done', 'open']);
    await alice.addMessage(id, 'still here');
    expect((await alice.get(`/threads/${id}`)).body).toMatchObject({ status: 'archived', message_count: 1 });
    expect((await alice.post(`/threads/${id}/unarchive`)).body.status).toBe('active');
    expect(await names(alice, {})).toEqual(['done', 'open']);
  });

  it('P44 pages through active and archived threads together, in order', async () => {
    const alice = await newUser();
    for (let n = 0; n < 10; n += 1) {
      const { id } = await alice.createThread(`${n}`);
      if (n % 3 === 0) await alice.post(`/threads/${id}/archive`);
    }
    for (const order of ['asc', 'desc']) {
      const found = await alice.all('/threads', { status: 'all', limit: 3, sort_by: 'created_at', order });
      const expected = Array.from({ length: 10 }, (_, n) => `${n}`);
      expect(found.map(({ name }) => name)).toEqual(order === 'asc' ? expected : expected.reverse());
    }
    const page = await alice.get('/threads', { query: { status: 'all', include_total: 'true', limit: 2, offset: 9 } });
    expect([page.body.data.length, page.body.total]).toEqual([1, 10]);
  });
});
