import { startTestApp, type TestApp } from '../support/world/app';
import type { Client } from '../support/world/client';
import { callTool, connectMcp, ERAS, expectToolError, type McpClient } from '../support/world/mcp';

describe.each(ERAS)('MCP, %s revisions: search_conversations', (era) => {
  let app: TestApp;
  let alice: Client;
  let mcp: McpClient;
  let strangers: McpClient[];

  beforeAll(async () => {
    app = await startTestApp();
    alice = await app.as('acme', 'alice');
    mcp = await connectMcp(app.url, alice, era);
    const others = [
      await app.as('acme', 'bob'),
      await app.as('globex', 'alice'),
      await app.as('acme', 'bob', 'service'),
    ];
    strangers = await Promise.all(others.map((other) => connectMcp(app.url, other, era)));
  });
  afterAll(async () => {
    await Promise.all([mcp, ...strangers].map((client) => client.close()));
    await app.close();
  });

  it('F47 S47 finds what was said in any conversation of the user, and of nobody else', async () => {
    const { id } = await alice.createThread('Trip');
    await alice.addMessage(id, 'We stayed at the Sakura inn <Kyoto>');
    await alice.post('/sessions/mcp/messages', { role: 'assistant', content: 'The Sakura inn costs 90' });
    const { data, has_more } = await callTool(mcp, 'search_conversations', { query: 'sakura inn' });
    expect([data.length, has_more]).toEqual([2, false]);
    expect(data).toContainEqual({
      id: expect.any(String),
      thread_id: id,
      session_id: null,
      thread_name: 'Trip',
      seq: 1,
      role: 'user',
      created_at: expect.any(String),
      score: expect.any(Number),
      snippet: 'We stayed at the <mark>Sakura</mark> <mark>inn</mark> &lt;Kyoto&gt;',
    });
    const texts = async (input: Record<string, unknown>) =>
      (await callTool(mcp, 'search_conversations', input)).data.length;
    expect(await texts({ query: 'sakura', session_id: 'mcp' })).toBe(1);
    expect(await texts({ query: 'sakura', thread_id: id })).toBe(1);
    expect(await texts({ query: 'sakura', role: 'assistant' })).toBe(1);
    expect(await texts({ query: 'sakura', to: '2020-01-01T00:00:00Z' })).toBe(0);
    expect(await texts({ query: 'what did the inn called sakura cost us' })).toBe(2);
    const page = await callTool(mcp, 'search_conversations', { query: 'sakura', limit: 1 });
    expect(await texts({ query: 'sakura', limit: 1, cursor: page.next_cursor })).toBe(1);
    for (const stranger of strangers) {
      expect(await callTool(stranger, 'search_conversations', { query: 'sakura' })).toMatchObject({ data: [] });
      expect(await callTool(stranger, 'search_conversations', { query: 'sakura', thread_id: id })).toMatchObject({
        data: [],
      });
    }
  });

  it.each([
    [{}, 'VALIDATION_FAILED'],
    [{ query: '' }, 'VALIDATION_FAILED'],
    [{ query: 'x', from: 'yesterday' }, 'VALIDATION_FAILED'],
    [{ query: 'x', thread_id: 'nope' }, 'VALIDATION_FAILED'],
    [{ query: 'x', cursor: 'nope' }, 'INVALID_CURSOR'],
    [{ query: 'x', session_id: 'search' }, 'SESSION_ID_RESERVED'],
  ])('%j is the error %s of the tool', async (input, code) => {
    await expectToolError(mcp, 'search_conversations', input, code);
  });
});
