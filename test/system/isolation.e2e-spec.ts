import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem, type Response } from '../support/world/client';
import { type Operation, readOperations } from '../support/api/openapi';
import { bodyOf, pathOf, queryOf, type Resource, resourceOf, SECRET } from '../support/api/resources';

/** Generated from the API reference, so that a new route is in it without anybody's doing. */
describe('Isolation', () => {
  let app: TestApp;
  let operations: Operation[];

  const named = () => operations.filter(({ pathParams }) => pathParams.length > 0);
  const secured = () => operations.filter((operation) => operation.secured);

  beforeAll(async () => {
    app = await startTestApp();
    operations = await readOperations(app.anonymous());
  });

  afterAll(() => app.close());

  const ownerOf = ({ scope }: Resource) => app.as('acme', 'alice', scope === 'user' ? 'member' : 'admin');

  /** Who has the permission and still may not see it. */
  const strangersOf = async ({ scope }: Resource): Promise<Client[]> => [
    await app.as('globex', 'alice', 'admin'),
    ...(scope === 'organization'
      ? []
      : [
          await app.as('globex', 'alice'),
          await app.as('acme', 'bob'),
          await app.as('acme', 'bob', 'service'),
          await app.as('globex', 'alice', 'service'),
        ]),
  ];

  const ask = (client: Client, operation: Operation, id: string) =>
    client.send(operation.method, pathOf(operation, id), { body: bodyOf(operation), query: queryOf(operation) });

  /** Everything that a stranger could have changed; of one user only, where strangers rightly have their own. */
  const state = async (user?: string): Promise<unknown> => {
    const { rows } = await app.db.query(
      `
      WITH mine AS (SELECT * FROM threads WHERE $2::text IS NULL OR org_id = 'acme' AND user_id = $2)
      SELECT (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM mine t),
        (SELECT md5(string_agg(s::text, '' ORDER BY thread_id)) FROM sessions s JOIN mine t USING (org_id)
          WHERE t.id = s.thread_id),
        (SELECT md5(string_agg(m::text, '' ORDER BY thread_id, seq)) FROM messages m JOIN mine t USING (org_id)
          WHERE t.id = m.thread_id),
        (SELECT md5(string_agg(d::text, '' ORDER BY thread_id, seq)) FROM deleted_messages d JOIN mine t USING (org_id)
          WHERE t.id = d.thread_id),
        (SELECT md5(string_agg(s::text, '' ORDER BY thread_id, s.id)) FROM summaries s JOIN mine t USING (org_id)
          WHERE t.id = s.thread_id),
        (SELECT md5(string_agg(c::text, '' ORDER BY org_id, user_id)) FROM current_threads c),
        (SELECT md5(string_agg(m::text, '' ORDER BY org_id, user_id, session_scope, key)) FROM memories m
          WHERE value = to_jsonb($1::text)),
        (SELECT count(*) FROM api_keys WHERE revoked_at IS NOT NULL) AS revoked`,
      [SECRET, user],
    );
    return rows[0];
  };

  it('finds the routes', () => {
    expect(named().length).toBeGreaterThan(5);
    expect(secured().length).toBeGreaterThan(named().length);
  });

  /** Where a stranger's request is about something of their own under the same id: it neither shows nor changes the other. */
  const leaksOf = async (operation: Operation, resource: Resource, id: string): Promise<string[]> => {
    const before = await state('alice');
    const leaks: string[] = [];
    for (const stranger of await strangersOf(resource)) {
      const { status, text } = await ask(stranger, operation, id);
      if (status >= 300 || text.includes(SECRET)) leaks.push(`${nameOf(operation)}: ${status} ${text}`);
    }
    expect(await state('alice')).toEqual(before);
    const own = await ask(await ownerOf(resource), operation, id);
    if (own.status >= 300) leaks.push(`${nameOf(operation)} by the owner: ${own.status} ${own.text}`);
    return leaks;
  };

  it("answers the same 404 to another organization's, another user's, a deleted and a random id", async () => {
    const wrong: string[] = [];
    for (const operation of named()) {
      const resource = resourceOf(operation);
      const owner = await ownerOf(resource);
      const id = await resource.create(owner);
      const gone = await resource.create(owner);
      await resource.remove(owner, gone);
      if (resource.creates?.(operation)) {
        wrong.push(...(await leaksOf(operation, resource, id)));
        continue;
      }
      const random = randomUUID();
      const expected = shown(await ask(owner, operation, random), random);
      if (!expected.startsWith('404 ')) wrong.push(`${nameOf(operation)} of a random id: ${expected}`);
      const note = (who: string, answer: Response, asked: string) => {
        const found = shown(answer, asked);
        if (found !== expected) wrong.push(`${nameOf(operation)} by ${who}: ${found} instead of ${expected}`);
      };
      note('the owner of a deleted id', await ask(owner, operation, gone), gone);
      note('the owner, no UUID', await ask(owner, operation, 'no-uuid'), 'no-uuid');
      const before = await state();
      for (const [index, stranger] of (await strangersOf(resource)).entries()) {
        note(`stranger ${index}`, await ask(stranger, operation, id), id);
      }
      expect(await state()).toEqual(before);
      // The twin without which the rest proves nothing: the owner is let in.
      const own = await ask(owner, operation, id);
      if (own.status >= 300) wrong.push(`${nameOf(operation)} by the owner: ${own.status} ${own.text}`);
    }
    expect(wrong).toEqual([]);
  });

  it('shows nothing of others on the routes without an id', async () => {
    const alice = await app.as('acme', 'alice');
    await app
      .as('acme', 'alice', 'admin')
      .then((admin) => admin.post('/keys', { name: SECRET, role: 'admin', user_id: 'alice' }));
    const { id } = await alice.createThread(SECRET, { metadata: { note: SECRET } });
    const message = await alice.addMessage(id, SECRET);
    await alice.put('/threads/current', { thread_id: id });
    await alice.put('/memory/secret', { value: SECRET });
    await alice.post('/sessions', { session_id: SECRET, title: SECRET, metadata: { note: SECRET } });
    const strangers = [await app.as('globex', 'alice', 'admin'), await app.as('acme', 'bob')];
    const leaks: string[] = [];
    const lists = secured().filter(({ method, pathParams }) => method === 'GET' && pathParams.length === 0);
    expect(lists.length).toBeGreaterThan(2);
    for (const operation of lists) {
      for (const stranger of strangers) {
        const { status, text } = await stranger.get(pathOf(operation), { query: queryOf(operation) });
        if (![200, 403, 409].includes(status)) leaks.push(`${nameOf(operation)}: ${status} ${text}`);
        if ([SECRET, id, message.id].some((word) => text.includes(word))) leaks.push(`${nameOf(operation)}: ${text}`);
      }
    }
    expect(leaks).toEqual([]);
    for (const path of ['/threads', '/sessions']) expect((await alice.get(path)).text).toContain(SECRET);
  });

  it("takes nobody else's id in a body either", async () => {
    const [alice, bob] = [await app.as('acme', 'alice'), await app.as('acme', 'bob')];
    const mallory = await app.as('globex', 'mallory');
    const { id } = await alice.createThread(SECRET);
    const message = await alice.addMessage(id, SECRET);
    for (const stranger of [bob, mallory]) {
      expectProblem(await stranger.put('/threads/current', { thread_id: id }), 404, 'THREAD_NOT_FOUND');
      const own = await stranger.createThread('Own');
      const taken = await stranger.post(`/threads/${own.id}/messages`, { id: message.id, role: 'user', content: 'x' });
      // Ids are unique within the organization only, so that another one cannot even tell that this one is taken.
      expect(taken.status).toBe(stranger === bob ? 409 : 201);
      expect(taken.text).not.toContain(SECRET);
    }
  });

  it('X03 answers 401 without credentials, and with wrong ones', async () => {
    const wrong: string[] = [];
    const key = `tl_${randomUUID().replaceAll('-', '')}_${'A'.repeat(43)}`;
    const credentials = [undefined, `Bearer ${key}`, 'Bearer ', 'Basic YWxpY2U6', 'Bearer a.b.c', key];
    for (const operation of secured()) {
      for (const authorization of credentials) {
        const client = authorization === undefined ? app.anonymous() : app.anonymous().with({ authorization });
        const answer = await ask(client, operation, randomUUID());
        if (answer.status !== 401) wrong.push(`${nameOf(operation)} with ${authorization}: ${answer.status}`);
        else expectProblem(answer, 401);
      }
    }
    expect(wrong).toEqual([]);
  });
});

const nameOf = ({ method, path }: Operation) => `${method} ${path}`;

/** An answer without what differs from request to request. */
function shown({ status, body, text }: Response, id: string): string {
  if (typeof body !== 'object') return `${status} ${text}`;
  return `${status} ${JSON.stringify({ ...body, request_id: '…' }).replaceAll(id, '…')}`;
}
