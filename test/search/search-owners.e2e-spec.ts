import { startTestApp, type TestApp } from '../support/world/app';
import type { Client } from '../support/world/client';
import { callTool, connectMcp, type McpClient } from '../support/world/mcp';
import { shareThread } from '../support/world/shares';

/** Bob plants messages under the id of Alice's session and shares them with her. */
describe('Whose messages a search finds', () => {
  let app: TestApp;
  let alice: Client;
  let bob: Client;
  let admin: Client;
  const tools: McpClient[] = [];

  const say = async (client: Client, session: string, content: string) => {
    const { status, text } = await client.post(`/sessions/${session}/messages`, { role: 'user', content });
    if (status !== 201) throw new Error(`${status} ${text}`);
  };
  const texts = async (client: Client, query: Record<string, string>, path = '/messages/search'): Promise<string[]> => {
    const { status, body, text } = await client.get(path, { query: { q: 'zebra', ...query } });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body.data.map(({ content, user_id }: any) => `${user_id}: ${content.text ?? content}`).sort();
  };
  const inSessions = (client: Client, query: Record<string, string> = {}) => texts(client, query, '/sessions/search');
  const toolTexts = async (client: Client, input: object = {}): Promise<string[]> => {
    const tool = await connectMcp(app.url, client);
    tools.push(tool);
    const { data } = await callTool(tool, 'search_conversations', { query: 'zebra', ...input });
    return data.map(({ snippet }: any) => snippet).sort();
  };

  beforeAll(async () => {
    app = await startTestApp();
    alice = await app.as('acme', 'alice');
    bob = await app.as('acme', 'bob');
    admin = await app.as('acme', 'root', 'admin');
    await say(alice, 'user_7', 'My zebra');
    await say(alice, 'user_8', 'Other zebra');
    await say(bob, 'user_7', 'Planted zebra');
    await say(admin, 'user_7', 'Zebra of the admin');
    const { body } = await bob.get('/sessions/user_7');
    await shareThread(app, body.thread_id, 'alice');
  });
  afterAll(async () => {
    await Promise.all(tools.map((tool) => tool.close()));
    await app.close();
  });

  it('S47 C48 a session id is the caller’s own, whatever others share under it', async () => {
    const own = ['alice: My zebra'];
    expect(await texts(alice, { session_id: 'user_7' })).toEqual(own);
    expect(await inSessions(alice, { session_id: 'user_7' })).toEqual(own);
    // A near spelling and some of the words find no more.
    expect(await inSessions(alice, { session_id: 'user_7', q: 'zebre' })).toEqual(own);
    expect(await inSessions(alice, { session_id: 'user_7', q: 'planted unicorn zebra' })).toEqual(own);
    expect(await texts(bob, { session_id: 'user_8' })).toEqual([]);
    for (const search of [texts, inSessions])
      expect(await search(admin, { session_id: 'user_7' })).toEqual(['root: Zebra of the admin']);
  });

  it('S47 all sessions are the own ones; for admins the organization’s', async () => {
    expect(await inSessions(alice)).toEqual(['alice: My zebra', 'alice: Other zebra']);
    expect(await inSessions(bob)).toEqual(['bob: Planted zebra']);
    expect(await inSessions(admin)).toHaveLength(4);
    expect(await inSessions(await app.as('globex', 'root', 'admin'))).toEqual([]);
  });

  it('F47 messages of shared threads are found, and say whose they are', async () => {
    expect(await texts(alice, {})).toEqual(['alice: My zebra', 'alice: Other zebra', 'bob: Planted zebra']);
    expect(await texts(bob, {})).toEqual(['bob: Planted zebra']);
  });

  it('owner_id names another owner, as far as the caller may see', async () => {
    for (const search of [texts, inSessions]) {
      expect(await search(alice, { owner_id: 'bob' })).toEqual(['bob: Planted zebra']);
      expect(await search(alice, { owner_id: 'bob', session_id: 'user_7' })).toEqual(['bob: Planted zebra']);
      expect(await search(alice, { owner_id: 'alice', session_id: 'user_8' })).toEqual(['alice: Other zebra']);
      expect(await search(admin, { owner_id: 'alice' })).toEqual(['alice: My zebra', 'alice: Other zebra']);
      expect(await search(admin, { owner_id: 'bob', session_id: 'user_7' })).toEqual(['bob: Planted zebra']);
      // Strangers: another user of the organization, the admin of another one.
      expect(await search(bob, { owner_id: 'alice' })).toEqual([]);
      expect(await search(bob, { owner_id: 'alice', session_id: 'user_7' })).toEqual([]);
      expect(await search(await app.as('globex', 'root', 'admin'), { owner_id: 'alice' })).toEqual([]);
    }
  });

  it('S47 a model is given the own messages only: nobody plants text into its context', async () => {
    const own = ['My <mark>zebra</mark>', 'Other <mark>zebra</mark>'];
    expect(await toolTexts(alice)).toEqual(own);
    expect(await toolTexts(alice, { session_id: 'user_7' })).toEqual(own.slice(0, 1));
    const { body } = await bob.get('/sessions/user_7');
    expect(await toolTexts(alice, { thread_id: body.thread_id })).toEqual([]);
    expect(await toolTexts(admin)).toEqual(['<mark>Zebra</mark> of the admin']);
    expect(await toolTexts(admin, { session_id: 'user_8' })).toEqual([]);
  });
});
