import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

type Query = Record<string, string | number>;

describe('Lists of threads', () => {
  const { app, newUser } = world();

  const make = async (client: Client, names: string[]): Promise<any[]> =>
    (await client.post('/threads', { threads: names.map((name) => ({ name })) })).body.data;
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `t${i + 1}`);
  const names = async (client: Client, query: Query = {}): Promise<string[]> => {
    const { status, body, text } = await client.get('/threads', { query });
    if (status !== 200) throw new Error(text);
    return body.data.map((thread: any) => thread.name);
  };

  it('F11 U11 C41 filters by user, and stays inside the organization', async () => {
    const [u1, u2] = [await app.as('org1', 'user1'), await app.as('org1', 'user2')];
    const elsewhere = await app.as('org2', 'user1');
    await make(u1, ['1/1']);
    await make(elsewhere, ['1/2']);
    await make(u2, ['2/1']);
    const admin = await app.as('org1', 'root', 'admin');
    expect((await names(admin)).sort()).toEqual(['1/1', '2/1']);
    expect(await names(admin, { user_id: 'user1', org_id: 'org1' })).toEqual(['1/1']);
    expect(await names(await app.as('org1', 'root', 'service'), { user_id: 'user2' })).toEqual(['2/1']);
    expect(await names(u1, { user_id: 'user1', org_id: 'org1' })).toEqual(['1/1']);
    expect(await names(elsewhere)).toEqual(['1/2']);
    expectProblem(await u1.get('/threads', { query: { user_id: 'user2' } }), 403, 'OTHER_USER');
    for (const client of [u1, admin]) {
      expectProblem(await client.get('/threads', { query: { org_id: 'org2' } }), 403, 'OTHER_ORGANIZATION');
    }
  });

  it('U21 U40 an organization lists 3, one user 2, another 1, an unknown one 0', async () => {
    await make(await app.as('org3', 'user1'), ['a', 'b']);
    await make(await app.as('org3', 'user2'), ['c']);
    const admin = await app.as('org3', 'root', 'admin');
    const counts = [undefined, { user_id: 'user1' }, { user_id: 'user2' }, { user_id: 'nobody' }, { user_id: '%' }].map(
      async (query) => (await names(admin, query)).length,
    );
    expect(await Promise.all(counts)).toEqual([3, 2, 1, 0, 0]);
  });

  it('F61 U39 lists all without the bodies of their messages', async () => {
    const alice = await newUser();
    const [first] = await make(alice, numbered(5));
    await alice.addMessage(first.id, 'a long body');
    const { body, text } = await alice.get('/threads');
    expect(body).toMatchObject({ has_more: false, next_cursor: null });
    expect(body.data).toHaveLength(5);
    expect(body.total).toBeUndefined();
    expect(body.data.every((thread: any) => !('chat_messages' in thread))).toBe(true);
    expect(text).not.toContain('a long body');
    expect((await (await newUser()).get('/threads')).body.data).toEqual([]);
  });

  it('F12 U44 has 100 a page unless asked', async () => {
    const alice = await newUser();
    await make(alice, numbered(150));
    const { body } = await alice.get('/threads', { query: { include_total: 'true' } });
    expect([body.data.length, body.has_more, body.total]).toEqual([100, true, 150]);
    expect(await names(alice, { limit: 1000 })).toHaveLength(150);
    expect(new Set((await alice.all('/threads')).map(({ id }) => id)).size).toBe(150);
  });

  it('F13 U42 C13 is sorted by the last write, newest first', async () => {
    const alice = await newUser();
    const [first, second] = await make(alice, ['conv-1', 'conv-2', 'conv-3']);
    await alice.addMessage(second.id);
    await alice.addMessage(first.id);
    expect(await names(alice)).toEqual(['conv-1', 'conv-2', 'conv-3']);
    expect(await names(alice, { order: 'asc' })).toEqual(['conv-3', 'conv-2', 'conv-1']);
    await alice.get(`/threads/${second.id}`);
    await alice.put('/threads/current', { thread_id: second.id });
    expect(await names(alice)).toEqual(['conv-1', 'conv-2', 'conv-3']);
  });

  it('U43 is sorted by creation on demand', async () => {
    const alice = await newUser();
    const [first] = await make(alice, numbered(3));
    await alice.addMessage(first.id);
    expect(await names(alice, { sort_by: 'created_at' })).toEqual(['t3', 't2', 't1']);
    expect(await names(alice, { sort_by: 'created_at', order: 'asc' })).toEqual(['t1', 't2', 't3']);
  });

  it('C05 U41 pages by offset: 3, 3, 3, 1, and nothing beyond the end', async () => {
    const alice = await newUser();
    await make(alice, numbered(10));
    const page = (offset: number) => names(alice, { limit: 3, offset, sort_by: 'created_at', order: 'asc' });
    const pages = await Promise.all([0, 3, 6, 9, 15].map(page));
    expect(pages).toEqual([['t1', 't2', 't3'], ['t4', 't5', 't6'], ['t7', 't8', 't9'], ['t10'], []]);
    expect(await names(alice, { limit: 2, sort_by: 'created_at', order: 'desc' })).toEqual(['t10', 't9']);
  });

  it.each(['updated_at', 'created_at'])(
    'U41 pages by cursor: 3, 3, 3, 1, in both directions of %s',
    async (sort_by) => {
      const alice = await newUser();
      await make(alice, numbered(10));
      for (const order of ['asc', 'desc']) {
        const sizes: number[] = [];
        const seen: string[] = [];
        for (let after: string | undefined, more = true; more;) {
          const { body } = await alice.get('/threads', { query: { limit: 3, sort_by, order, after } });
          sizes.push(body.data.length);
          seen.push(...body.data.map((thread: any) => thread.name));
          [after, more] = [body.next_cursor, body.has_more];
          expect(body.next_cursor === null).toBe(!more);
        }
        expect(sizes).toEqual([3, 3, 3, 1]);
        expect(new Set(seen).size).toBe(10);
        if (sort_by === 'created_at') expect(seen).toEqual(order === 'asc' ? numbered(10) : numbered(10).reverse());
      }
    },
  );

  it('F61 a cursor neither skips nor repeats while others write', async () => {
    const alice = await newUser();
    const threads = await make(alice, numbered(30));
    let writing = true;
    const writer = (async () => {
      for (let n = 0; writing; n += 1) await Promise.all([make(alice, [`new ${n}`]), sleep(5)]);
    })();
    const seen = await alice.all('/threads', { limit: 4, sort_by: 'created_at' });
    writing = false;
    await writer;
    const ids = seen.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(threads.map(({ id }) => id)));
  });

  it('X07 refuses a cursor that is forged, or of another sort', async () => {
    const alice = await newUser();
    await make(alice, numbered(3));
    const cursorOf = async (sort_by: string): Promise<string> =>
      (await alice.get('/threads', { query: { limit: 1, sort_by } })).body.next_cursor;
    const forge = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url');
    const now = new Date().toISOString();
    const forged = ['x', 'null', '%00', forge([]), forge({}), forge([1]), forge(['x', 'y']), forge([now, "';--"])];
    const impossible = ['2025-02-30T00:00:00Z', '1700000000000', '2025-01-01T24:00:00Z', null, 5];
    for (const after of [...forged, ...impossible.map((time) => forge([time, randomUUID()]))]) {
      expectProblem(await alice.get('/threads', { query: { after } }), 400, 'INVALID_CURSOR');
    }
    const [updated, created] = [await cursorOf('updated_at'), await cursorOf('created_at')];
    const wrong = { after: updated, sort_by: 'created_at' };
    expectProblem(await alice.get('/threads', { query: wrong }), 400, 'INVALID_CURSOR');
    expectProblem(await alice.get('/threads', { query: { after: created } }), 400, 'INVALID_CURSOR');
    expectProblem(await alice.get('/threads', { query: { after: updated, offset: 1 } }), 400, 'BAD_REQUEST');
  });

  it("X07 a cursor of another user's list shows nothing of that user", async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    await make(alice, numbered(3));
    await make(bob, ['his']);
    const { next_cursor } = (await alice.get('/threads', { query: { limit: 1, order: 'asc' } })).body;
    expect(await names(bob, { after: next_cursor, order: 'asc' })).toEqual(['his']);
  });

  it('C06 X07 limit=0 is an empty page with its total; anything odd is refused', async () => {
    const alice = await newUser();
    await make(alice, numbered(2));
    const { body } = await alice.get('/threads', { query: { limit: 0, include_total: 'true' } });
    expect(body).toEqual({ data: [], has_more: false, next_cursor: null, total: 2 });
    const bad = ['-1', '1001', 'abc', '1.5', '', ' ', '1e2', '0x10', 'NaN', '99999999999999999999'];
    for (const limit of bad) expectProblem(await alice.get('/threads', { query: { limit } }), 400, 'VALIDATION_FAILED');
    for (const offset of ['-1', 'abc', '2147483648', '']) {
      expectProblem(await alice.get('/threads', { query: { offset } }), 400, 'VALIDATION_FAILED');
    }
    for (const query of [
      { order: 'up' },
      { sort_by: 'name' },
      { status: 'deleted' },
      { include_total: '1' },
      { x: 1 },
    ]) {
      expectProblem(await alice.get('/threads', { query: query }), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await alice.get('/threads?limit=1&limit=2'), 400, 'VALIDATION_FAILED');
  });
});
