import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

type Query = Record<string, string | number>;

describe('Lists of sessions', () => {
  const { app } = world();
  let users = 0;

  const newUser = () => app.as('acme', `user-${(users += 1)}`);
  const say = (client: Client, id: string) =>
    client.post(`/sessions/${encodeURIComponent(id)}/messages`, { role: 'user', content: `of ${id}` });
  /** One after the other, so that their times differ. */
  const make = async (client: Client, ids: string[]): Promise<void> => {
    for (const id of ids) await say(client, id);
  };
  const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `s${i + from}`);
  const list = async (client: Client, query: Query = {}): Promise<any> => {
    const { status, body, text } = await client.get('/sessions', { query });
    if (status !== 200) throw new Error(text);
    return body;
  };
  const ids = async (client: Client, query: Query = {}): Promise<string[]> =>
    (await list(client, query)).data.map((session: any) => session.session_id);

  it('S07 U39 U134 U135 P18 P30 lists the own sessions, last written to first, with their counts', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    expect(await list(alice)).toEqual({ data: [], has_more: false, next_cursor: null });
    await make(alice, ['s1', 's2', 's1']);
    await make(bob, ['s1', 'other']);
    await make(await app.as('globex', 'user-1'), ['foreign']);
    const { data } = await list(alice);
    expect(data.map((session: any) => [session.session_id, session.message_count])).toEqual([
      ['s1', 2],
      ['s2', 1],
    ]);
    expect(data[0]).toEqual((await alice.get('/sessions/s1')).body);
    expect(await ids(bob)).toEqual(['other', 's1']);
    await alice.patch('/sessions/s2/variables', { a: 1 });
    expect(await ids(alice)).toEqual(['s2', 's1']);
  });

  it('N38 active=true is the same list, and a deleted session is in none (U37)', async () => {
    const alice = await newUser();
    await make(alice, ['one', 'two', 'gone']);
    await alice.post('/sessions', { session_id: 'one' });
    await alice.delete('/sessions/gone');
    expect(await ids(alice, { active: 'true' })).toEqual(['two', 'one']);
    expect(await list(alice, { include_total: 'true' })).toMatchObject({ total: 2 });
    expectProblem(await alice.get('/sessions', { query: { active: 'false' } }), 400, 'VALIDATION_FAILED');
  });

  it('C41 U40 an admin sees the organization, and anyone’s by user_id; a member is refused', async () => {
    const [one, two] = [await app.as('org1', 'one'), await app.as('org1', 'two')];
    await make(one, ['a', 'b']);
    await make(two, ['a']);
    await make(await app.as('org2', 'one'), ['elsewhere']);
    const admin = await app.as('org1', 'root', 'admin');
    const owners = async (client: Client, query = {}) =>
      (await list(client, query)).data.map((session: any) => `${session.user_id}/${session.session_id}`);
    expect(await owners(admin)).toEqual(['two/a', 'one/b', 'one/a']);
    expect(await owners(admin, { user_id: 'one' })).toEqual(['one/b', 'one/a']);
    expect(await owners(admin, { prefix: 'a' })).toEqual(['two/a', 'one/a']);
    expect(await owners(admin, { user_id: 'nobody' })).toEqual([]);
    expect(await owners(admin, { user_id: 'root' })).toEqual([]);
    expect(await list(admin, { include_total: 'true', limit: 0 })).toMatchObject({ data: [], total: 3 });
    expect(await owners(await app.as('org1', 'two', 'service'))).toEqual(['two/a']);
    expect(await owners(await app.as('org1', 'two', 'service'), { user_id: 'one' })).toEqual(['one/b', 'one/a']);
    expect(await owners(one, { user_id: 'one' })).toEqual(['one/b', 'one/a']);
    expectProblem(await one.get('/sessions', { query: { user_id: 'two' } }), 403, 'OTHER_USER');
    expectProblem(await one.delete('/sessions?prefix=a&user_id=two'), 403, 'OTHER_USER');
    expect((await admin.delete('/sessions?prefix=a')).body).toEqual({ deleted: 0 });
    expect((await admin.delete('/sessions?prefix=a&user_id=one')).body).toEqual({ deleted: 1 });
    expect(await owners(admin)).toEqual(['two/a', 'one/b']);
  });

  it('P50 U41 pages of three: 3, 3, 3, 1, and none past the end', async () => {
    const alice = await newUser();
    await make(alice, numbered(10));
    const page = (offset: number) => ids(alice, { limit: 3, offset });
    const pages = [await page(0), await page(3), await page(6), await page(9), await page(15)];
    expect(pages.map((rows) => rows.length)).toEqual([3, 3, 3, 1, 0]);
    expect(pages.flat()).toEqual(numbered(10).reverse());
    expect(await list(alice, { limit: 10 })).toMatchObject({ has_more: false, next_cursor: null });
    expect(await list(alice, { limit: 9 })).toMatchObject({ has_more: true, next_cursor: expect.any(String) });
  });

  it('P50 U44 100 unless asked, and every one by cursor', async () => {
    const alice = await newUser();
    await Promise.all(numbered(150).map((id) => say(alice, id)));
    expect(await ids(alice)).toHaveLength(100);
    const all = (await alice.all('/sessions', { limit: 7 })).map((session) => session.session_id);
    expect(all.sort()).toEqual(numbered(150).sort());
  });

  it('U42 sorts by the last write and by creation, both ways', async () => {
    const alice = await newUser();
    await make(alice, ['s1', 's2', 's3', 's1']);
    const down = { sort_order: 'desc' };
    const up = { sort_order: 'asc' };
    expect(await ids(alice, { sort_by: 'updated_at', ...down })).toEqual(['s1', 's3', 's2']);
    expect(await ids(alice, { sort_by: 'updated_at', ...up })).toEqual(['s2', 's3', 's1']);
    expect(await ids(alice, { sort_by: 'created_at' })).toEqual(['s3', 's2', 's1']);
    expect(await ids(alice, { sort_by: 'created_at', order: 'asc' })).toEqual(['s1', 's2', 's3']);
    for (const sort_by of ['updated_at', 'created_at']) {
      for (const order of ['asc', 'desc']) {
        const paged = await alice.all('/sessions', { sort_by, order, limit: 1 });
        expect(paged.map((session) => session.session_id)).toEqual(await ids(alice, { sort_by, order }));
      }
    }
  });

  it.each<Query>([
    ...[{ sort_by: 'message_count' }, { sort_order: 'up' }, { order: '' }, { limit: -1 }, { limit: 1001 }],
    ...[{ offset: -1 }, { after: 'x' }, { after: 'W10', offset: 1 }, { prefix: '' }, { prefix: 'x'.repeat(256) }],
    ...[{ user_id: '' }, { nope: 1 }, { include_total: 'yes' }, { prefix: '\0' }],
  ])('P50 refuses %j', async (query) => expectProblem(await (await newUser()).get('/sessions', { query }), 400));

  it('P17 P40 C17 a prefix is taken literally: % and _ are characters, and case counts', async () => {
    const alice = await newUser();
    const made = ['org:o1:user:u1:conv:1', 'org:o1:user:u1:conv:2', 'org:o1:user:u10', 'user_1', 'userX1', 'user%1'];
    await make(alice, [...made, 'USER_1', 'ü1', 'u\u0308']);
    await make(await newUser(), made);
    const found = async (prefix: string) => (await ids(alice, { prefix })).sort();
    expect(await found('org:o1:user:u1:')).toEqual(['org:o1:user:u1:conv:1', 'org:o1:user:u1:conv:2']);
    expect(await found('user_')).toEqual(['user_1']);
    expect(await found('user%')).toEqual(['user%1']);
    expect(await found('%')).toEqual([]);
    expect(await found('_')).toEqual([]);
    expect(await found('\\')).toEqual([]);
    expect(await found('user')).toEqual(['user%1', 'userX1', 'user_1']);
    expect(await found('ü')).toEqual(['ü1']);
    expect(await found('user_1')).toEqual(['user_1']);
    expect(await list(alice, { prefix: 'org:', include_total: 'true', limit: 1 })).toMatchObject({
      total: 3,
      has_more: true,
    });
    expect(await alice.all('/sessions', { prefix: 'org:', limit: 1 })).toHaveLength(3);
  });

  it('P16 deletes the own ones with a prefix, which may not be empty', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    for (const client of [alice, bob]) await make(client, ['user:1:a', 'user:1:b', 'user:10', 'user_1', 'userX1']);
    const remove = (prefix: string) => alice.delete('/sessions', { query: { prefix } });
    expectProblem(await alice.delete('/sessions'), 400, 'VALIDATION_FAILED');
    for (const prefix of ['', 'x'.repeat(256), '\0', 'a\0']) expectProblem(await remove(prefix), 400);
    expect((await remove('%')).body).toEqual({ deleted: 0 });
    expect((await remove('user:1:')).body).toEqual({ deleted: 2 });
    expect((await remove('user:1:')).body).toEqual({ deleted: 0 });
    expect((await remove('user_')).body).toEqual({ deleted: 1 });
    expect(await ids(alice)).toEqual(['userX1', 'user:10']);
    expect(await ids(bob)).toHaveLength(5);
    const { rows } = await app.db.query(
      `
      SELECT count(*) AS left FROM messages m JOIN threads t ON t.org_id = m.org_id AND t.id = m.thread_id
      WHERE t.user_id = $1`,
      [(await list(alice)).data[0].user_id],
    );
    expect(rows).toEqual([{ left: 2 }]);
  });

  it('P46 loads many at once, in the order of the request, null for what is not there or not one’s own', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    await make(alice, ['a', 'b', 'c']);
    await make(bob, ['of-bob']);
    const { status, body } = await alice.post('/sessions/batch-get', { ids: ['c', 'nope', 'a', 'of-bob', 'c'] });
    expect(status).toBe(200);
    expect(body.data.map((session: any) => session?.session_id ?? null)).toEqual(['c', null, 'a', null, 'c']);
    expect(body.data[0]).toEqual((await alice.get('/sessions/c')).body);
    for (const bad of [{}, { ids: [] }, { ids: 'a' }, { ids: [''] }, { ids: [null] }, { ids: ['a'], x: 1 }]) {
      expectProblem(await alice.post('/sessions/batch-get', bad), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await alice.post('/sessions/batch-get', { ids: Array(1001).fill('a') }), 400, 'TOO_MANY_ITEMS');
    const admin = await app.as('acme', 'root', 'admin');
    expect((await admin.post('/sessions/batch-get', { ids: ['a'] })).body.data).toEqual([null]);
  });

  it('C56 pages by cursor neither lose nor repeat what stays put while others write', async () => {
    const alice = await newUser();
    await make(alice, numbered(30));
    const seen: string[] = [];
    let after: string | undefined;
    let written = 0;
    do {
      const page: any = await list(alice, { limit: 4, ...(after && { after }) });
      seen.push(...page.data.map((session: any) => session.session_id));
      after = page.next_cursor ?? undefined;
      await make(alice, [`new-${(written += 1)}`, 's30']);
      await alice.delete(`/sessions/${seen[0]}`);
    } while (after);
    expect(seen).toEqual(numbered(30).reverse());
  });
});
