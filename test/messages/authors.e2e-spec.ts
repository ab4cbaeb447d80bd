import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';
import { callTool, connectMcp, expectToolError } from '../support/world/mcp';
import { shareThread } from '../support/world/shares';

const JWT = { JWT_SECRET: 'a shared secret of more than 32 characters', JWT_ISSUER: 'https://id', JWT_AUDIENCE: 'us' };
const said = (content: string, more = {}) => ({ role: 'user', content, ...more });

/** The id of the API key that a client has. */
const keyOf = ({ headers }: Client): string =>
  headers.authorization.slice(10, 42).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');

describe('Who wrote a message', () => {
  const { app, alice, bob, admin, service, strangers, thread, say } = world(JWT);

  const list = async (id: string, query = {}): Promise<any[]> =>
    (await alice.get(`/threads/${id}/messages`, { query })).body.data;
  const by = (userId: string, client: Client) => ({ created_by: userId, created_via: keyOf(client) });

  it('A01 is said by the server: in answers, in lists, of one message, in sessions; and not to models', async () => {
    const id = await thread();
    const mine = by('alice', alice);
    const one = (await alice.post(`/threads/${id}/messages`, said('One'))).body;
    expect(one).toMatchObject({ sender_id: null, ...mine });
    expect((await alice.get(`/messages/${one.id}`)).body).toEqual(one);
    const batch = (await alice.post(`/threads/${id}/messages`, { messages: [said('Two'), said('Three')] })).body.data;
    expect(await list(id)).toEqual([one, ...batch]);
    expect(batch).toMatchObject([mine, mine]);
    expect((await alice.post(`/threads/${id}/messages?persist=false`, said('None'))).body).toMatchObject(mine);
    const forged = said('x', { created_by: 'bob' });
    expectProblem(await alice.post(`/threads/${id}/messages`, forged), 400, 'VALIDATION_FAILED');
    await say('authored', 'Hello');
    expect((await alice.get('/sessions/authored/messages')).body.data).toMatchObject([mine]);
    for (const path of [`/threads/${id}/history`, `/threads/${id}/context`, '/sessions/authored/context'])
      expect((await alice.get(path)).text).not.toMatch(/created_by|created_via/);
  });

  it('A01 is who shares, not who owns: alone, in batches, with ids and keys, all at once', async () => {
    const id = await thread('Shared', 'Mine');
    await shareThread(app, id, 'bob', 'write');
    const writers = { alice, bob, root: admin, worker: service };
    await shareThread(app, id, 'worker', 'write');
    const calls = Object.entries(writers).flatMap(([name, client]) =>
      Array.from({ length: 8 }, (_, n) => {
        const ways = [said(name), said(name, { id: randomUUID() }), { messages: [said(name), said(name)] }];
        const headers = n % 4 === 3 ? { 'idempotency-key': `${name}-${n}` } : undefined;
        return client.post(`/threads/${id}/messages`, ways[n % 3], headers);
      }),
    );
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(calls.length).fill(201));
    for (const [name, client] of Object.entries(writers)) {
      const found = (await list(id, { created_by: name, limit: 1000 })).filter(({ content }) => content.text === name);
      expect(found).toHaveLength(10);
      expect(found.filter((message) => message.created_via !== keyOf(client))).toEqual([]);
    }
  });

  it('A01 is whoever a service names, and for a token `jwt`', async () => {
    const id = await thread();
    await shareThread(app, id, 'carol', 'write');
    const named = service.with({ 'x-user-id': 'carol' });
    expect((await named.addMessage(id)).created_by).toBe('carol');
    const claims = { iss: JWT.JWT_ISSUER, aud: JWT.JWT_AUDIENCE, org_id: 'acme', sub: 'alice' };
    const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1 min');
    const signed = await token.sign(new TextEncoder().encode(JWT.JWT_SECRET));
    const bearer = app.anonymous().with({ authorization: `Bearer ${signed}` });
    expect(await bearer.addMessage(id)).toMatchObject({ created_by: 'alice', created_via: 'jwt' });
    expect(await list(id)).toMatchObject([by('carol', service), { created_by: 'alice', created_via: 'jwt' }]);
  });

  it('A01 filters lists of messages, by pages, from the end and of sessions; strangers see none', async () => {
    const id = await thread('Filtered', 'a1', 'a2', 'a3');
    await shareThread(app, id, 'bob', 'write');
    for (const text of ['b1', 'b2', 'b3']) await bob.addMessage(id, said(text));
    await alice.addMessage(id, said('a4'));
    const texts = (data: any[]) => data.map(({ content }) => content.text);
    expect(texts(await list(id, { created_by: 'bob' }))).toEqual(['b1', 'b2', 'b3']);
    expect(texts(await alice.all(`/threads/${id}/messages`, { created_by: 'bob', limit: 1 }))).toHaveLength(3);
    expect(texts(await list(id, { created_by: 'alice', last: 2 }))).toEqual(['a3', 'a4']);
    expect(texts(await list(id, { created_by: 'bob', order: 'desc', after_seq: 4 }))).toEqual(['b3', 'b2']);
    expect(await list(id, { created_by: 'nobody' })).toEqual([]);
    await say('filtered');
    const { body } = await alice.get('/sessions/filtered/messages?created_by=alice');
    expect(body.data).toHaveLength(1);
    expect((await alice.get('/sessions/filtered/messages?created_by=bob')).body.data).toEqual([]);
    expectProblem(await alice.get(`/threads/${id}/messages?created_by=`), 400);
    for (const client of strangers)
      expectProblem(await client.get(`/threads/${id}/messages?created_by=bob`), 404, 'THREAD_NOT_FOUND');
  });

  it('A01 stays through edits by others, the trash, an undo and back', async () => {
    const id = await thread('Kept', 'Mine');
    await shareThread(app, id, 'bob', 'write');
    const { id: messageId } = await bob.addMessage(id, said('Theirs'));
    const theirs = by('bob', bob);
    expect((await admin.patch(`/messages/${messageId}`, { content: 'Edited' })).body).toMatchObject(theirs);
    expect((await alice.post(`/threads/${id}/undo`)).body.messages).toMatchObject([theirs]);
    expect((await alice.get(`/threads/${id}/messages/trash`)).body.data).toMatchObject([theirs]);
    expect((await alice.post(`/threads/${id}/redo`)).body.messages).toMatchObject([theirs]);
    await alice.delete(`/messages/${messageId}`);
    expect((await alice.post(`/messages/${messageId}/restore`)).body).toMatchObject(theirs);
  });

  it('A01 goes along with a copy; the edited message of a branch is its editor’s', async () => {
    const id = await thread('Copied', 'Mine');
    await shareThread(app, id, 'bob', 'write');
    const message = await bob.addMessage(id, said('Theirs'));
    const copy = (await bob.post(`/threads/${id}/fork`)).body.id;
    const copied = (await bob.get(`/threads/${copy}/messages`)).body.data;
    expect(copied).toMatchObject([by('alice', alice), by('bob', bob)]);
    const branched = await alice.patch(`/messages/${message.id}?branch=true`, { content: 'Otherwise' });
    expect(branched.body).toMatchObject(by('alice', alice));
  });

  it('A01 of an import is who imports, whatever the file says', async () => {
    const messages = [said('Old', { created_by: 'bob' }), said('Older', { created_at: '2020-01-01T00:00:00Z' })];
    const imported = (client: Client, query = '') =>
      client.post(`/threads/import${query}`, { name: 'Imported', messages });
    const find = async (client: Client) => {
      await imported(client);
      const { id } = (await client.get('/threads?name=Imported')).body.data[0];
      return (await client.get(`/threads/${id}/messages`)).body.data;
    };
    expect(await find(alice)).toMatchObject([by('alice', alice), by('alice', alice)]);
    await imported(admin, '?user_id=carol');
    const { id } = (await admin.get('/threads?name=Imported&user_id=carol')).body.data[0];
    expect((await admin.get(`/threads/${id}/messages`)).body.data).toMatchObject([
      by('root', admin),
      by('root', admin),
    ]);
  });

  it('A01 of a saved state is who saves what is new; of an agent’s turn, who asks; of a summary, who wants it', async () => {
    const mine = by('alice', alice);
    await alice.put('/sessions/saved/state', { history: [said('One')] });
    const other = await app.as('acme', 'alice', 'admin');
    await other.put('/sessions/saved/state', { history: [said('One'), said('Two')] });
    const saved = (await alice.get('/sessions/saved/messages')).body.data;
    expect(saved).toMatchObject([mine, by('alice', other)]);
    await alice.post('/agent/quick', { query: 'Hello?', context: { notebook_id: 'nb', session_id: 'asked' } });
    expect((await alice.get('/sessions/asked/messages')).body.data).toMatchObject([mine, mine]);
    const id = await thread('Summed up', 'One', 'Two', 'Three', 'Four');
    await shareThread(app, id, 'bob', 'write');
    await bob.post(`/threads/${id}/summarize`, { mode: 'replace', keep_last: 2 });
    expect(await list(id)).toMatchObject([{ role: 'system', ...by('bob', bob) }, mine, mine]);
  });

  it('A01 of a model’s client is whose key it has', async () => {
    const id = await thread();
    const mcp = await connectMcp(app.url, alice);
    await callTool(mcp, 'append_messages', { thread_id: id, messages: [said('Hello')] });
    expect(await list(id)).toMatchObject([by('alice', alice)]);
    const forged = { thread_id: id, messages: [said('Hello', { sender_id: 'bob' })] };
    await expectToolError(mcp, 'append_messages', forged, 'SENDER_MISMATCH');
    await mcp.close();
  });

  it('A01 a member speaks as nobody else, on every way in; admins and services as anybody', async () => {
    const id = await thread();
    const [own, forged] = [said('x', { sender_id: 'alice' }), said('x', { sender_id: 'bob' })];
    const ways: [string, string, unknown][] = [
      ['POST', `/threads/${id}/messages`, forged],
      ['POST', `/threads/${id}/messages`, { messages: [own, forged] }],
      ['POST', `/threads/${id}/messages?persist=false`, forged],
      ['POST', '/sessions/forged/messages', forged],
      ['PUT', '/sessions/forged/state', { history: [forged] }],
      ['POST', '/threads/import', { messages: [forged] }],
    ];
    for (const [method, path, body] of ways)
      expectProblem(await alice.send(method, path, { body }), 403, 'SENDER_MISMATCH');
    expectProblem(await alice.get('/sessions/forged'), 404);
    expect(await list(id)).toEqual([]);
    expect((await alice.post(`/threads/${id}/messages`, own)).body.sender_id).toBe('alice');
    await shareThread(app, id, 'worker', 'write');
    for (const [name, client] of Object.entries({ root: admin, worker: service })) {
      const { body } = await client.post(`/threads/${id}/messages`, said('x', { sender_id: 'anybody' }));
      expect(body).toMatchObject({ sender_id: 'anybody', created_by: name });
    }
  });
});
