import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../support/world/app';
import type { Client } from '../support/world/client';
import { callTool, connectMcp, ERAS, expectToolError, type McpClient } from '../support/world/mcp';

const TOOLS = [
  'save_memory',
  'get_memory',
  'list_memories',
  'search_memory',
  'delete_memory',
  'append_messages',
  'get_context',
  'search_conversations',
];

describe.each(ERAS)('MCP, %s revisions', (era) => {
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

  it('introduces itself', () => {
    expect(mcp.getServerVersion()).toMatchObject({ name: 'throughline', version: expect.stringMatching(/^\d+\.\d+/) });
    expect(mcp.getInstructions()).toContain('save_memory');
    expect(mcp.getProtocolEra()).toBe(era);
    expect(Object.keys(mcp.getServerCapabilities() ?? {}).sort()).toEqual(['resources', 'tools']);
  });

  it('lists its tools, with what a model needs to choose among them', async () => {
    const { tools } = await mcp.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOLS);
    for (const { description, inputSchema, annotations } of tools) {
      expect(description?.length).toBeGreaterThan(100);
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(annotations).toMatchObject({
        readOnlyHint: expect.any(Boolean),
        destructiveHint: expect.any(Boolean),
        idempotentHint: expect.any(Boolean),
        openWorldHint: false,
      });
      for (const property of Object.values(inputSchema.properties ?? {}))
        expect(property).toMatchObject({ description: expect.stringMatching(/.{10}/) });
    }
    const hinted = (hint: 'readOnlyHint' | 'destructiveHint') =>
      tools.filter(({ annotations }) => annotations?.[hint]).map(({ name }) => name);
    expect(hinted('destructiveHint')).toEqual(['delete_memory']);
    expect(hinted('readOnlyHint')).toEqual([
      'get_memory',
      'list_memories',
      'search_memory',
      'get_context',
      'search_conversations',
    ]);
  });

  describe('conversations', () => {
    const hello = { role: 'user', content: 'Hello' };

    it('appends to a session, which it makes, and reads the context of it', async () => {
      const call = { id: 'call_1', type: 'function', function: { name: 'find', arguments: '{"b": 1,  "a": 2}' } };
      const messages = [
        hello,
        { role: 'assistant', content: null, tool_calls: [call] },
        {
          role: 'tool',
          tool_call_id: 'call_1',
          name: 'find',
          content: [{ type: 'text', text: '3 hotels' }, { type: 'x' }],
        },
      ];
      const answer = await callTool(mcp, 'append_messages', { session_id: 'trip', messages });
      expect(answer).toMatchObject({ created: true, total: 3, message_count: 3 });
      expect(answer.data.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2, 3]);
      expect(JSON.stringify(answer)).not.toContain('Hello');

      const context = await callTool(mcp, 'get_context', { session_id: 'trip' });
      expect(context).toEqual((await alice.get('/sessions/trip/context')).body);
      expect(context.messages).toMatchObject(messages);
      const window = await callTool(mcp, 'get_context', { session_id: 'trip', window: 1, token_budget: 1000 });
      expect(window).toMatchObject({ messages: messages.slice(1), total: 3 });
    });

    it('appends to a thread', async () => {
      const { id } = await alice.createThread('Trip');
      expect(await callTool(mcp, 'append_messages', { thread_id: id, messages: [hello] })).toMatchObject({
        created: true,
        data: [{ thread_id: id, seq: 1 }],
      });
      expect((await alice.get(`/threads/${id}/messages`)).body.data).toMatchObject([{ content: { text: 'Hello' } }]);
      const context = await callTool(mcp, 'get_context', { thread_id: id, question: 'And?' });
      expect(context.messages.slice(-2)).toMatchObject([hello, { role: 'user', content: 'And?' }]);
      expect(context.total).toBe(1);
    });

    it('stores a retried append once, also when many come at the same time', async () => {
      const messages = [
        { ...hello, id: randomUUID() },
        { role: 'assistant', content: 'Hi', id: randomUUID() },
      ];
      const append = () => callTool(mcp, 'append_messages', { session_id: 'retried', messages });
      const answers = await Promise.all(Array.from({ length: 8 }, append));
      expect(answers.filter(({ created }) => created)).toHaveLength(1);
      for (const { data } of answers) {
        expect(data).toMatchObject(messages.map(({ id }, index) => ({ id, seq: index + 1 })));
      }
      expect(await append()).toMatchObject({ created: false, total: 2 });
      const changed = [{ ...messages[0], content: 'Other' }];
      await expectToolError(
        mcp,
        'append_messages',
        { session_id: 'retried', messages: changed },
        'MESSAGE_ID_CONFLICT',
      );
    });

    it.each<[string, Record<string, unknown>, string]>([
      ['append_messages', { messages: [hello] }, 'VALIDATION_FAILED'],
      ['append_messages', { thread_id: randomUUID(), session_id: 's', messages: [hello] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: [] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: 'Hello' }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: [{ content: 'x' }] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: [{ ...hello, role: 'pirate' }] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: [{ ...hello, id: 'nope' }] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: [{ ...hello, zzz: 1 }] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 's', messages: [{ role: 'user' }] }, 'VALIDATION_FAILED'],
      ['append_messages', { session_id: 'search', messages: [hello] }, 'SESSION_ID_RESERVED'],
      ['append_messages', { thread_id: randomUUID(), messages: [hello] }, 'THREAD_NOT_FOUND'],
      ['append_messages', { thread_id: 'nope', messages: [hello] }, 'THREAD_NOT_FOUND'],
      ['get_context', {}, 'VALIDATION_FAILED'],
      ['get_context', { session_id: 's', thread_id: 's' }, 'VALIDATION_FAILED'],
      ['get_context', { thread_id: 'nope' }, 'THREAD_NOT_FOUND'],
      ['get_context', { session_id: 'nope' }, 'SESSION_NOT_FOUND'],
      ['get_context', { session_id: 's', window: 0 }, 'VALIDATION_FAILED'],
      ['get_context', { session_id: 's', token_budget: '9' }, 'VALIDATION_FAILED'],
    ])('%s with %j is the error %s of the tool', async (tool, input, code) => {
      await expectToolError(mcp, tool, input, code);
    });
  });

  it('has threads as resources: the newest 50 of the caller, and the newest 100 messages of one', async () => {
    const carol = await app.as('acme', 'carol');
    const client = await connectMcp(app.url, carol, era);
    const ids: string[] = [];
    for (let i = 0; i < 51; i += 1) ids.push((await carol.createThread(`Thread ${i}`)).id);
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(
      ids
        .reverse()
        .slice(0, 50)
        .map((id) => `throughline://threads/${id}`),
    );
    expect(resources[0]).toMatchObject({ name: 'Thread 50', mimeType: 'application/json', description: '0 messages' });
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates).toMatchObject([{ uriTemplate: 'throughline://threads/{id}' }]);

    const messages = Array.from({ length: 101 }, (_, i) => ({ role: 'user', content: `Message ${i}` }));
    await carol.addMessages(ids[0], messages);
    const { contents } = await client.readResource({ uri: resources[0].uri });
    const history = JSON.parse((contents[0] as { text: string }).text);
    expect(history).toMatchObject({ data: messages.slice(1), total: 101, has_more: true });
    await client.close();
  });

  it.each(['throughline://threads/nope', 'throughline://nope/1', 'file:///etc/passwd', 'nope', ''])(
    'has no resource %j',
    async (uri) => {
      await expect(mcp.readResource({ uri })).rejects.toThrow(/Resource|THREAD_NOT_FOUND/);
    },
  );

  it('has no tool that is not listed', async () => {
    await expect(mcp.callTool({ name: 'drop_tables' })).rejects.toThrow('There is no tool drop_tables');
    await expect(mcp.callTool({ name: 'toString' })).rejects.toThrow('There is no tool toString');
  });

  it('shows strangers nothing, and lets them change nothing', async () => {
    const { id } = await alice.createThread('Private');
    await alice.addMessage(id, 'Secret');
    await callTool(mcp, 'save_memory', { key: 'private', value: 'Secret' });
    await callTool(mcp, 'append_messages', { session_id: 'private', messages: [{ role: 'user', content: 'Secret' }] });
    for (const stranger of strangers) {
      await expectToolError(stranger, 'get_memory', { key: 'private' }, 'MEMORY_NOT_FOUND');
      await expectToolError(stranger, 'get_memory', { key: 'private', session_id: 'private' }, 'MEMORY_NOT_FOUND');
      await expectToolError(stranger, 'delete_memory', { key: 'private' }, 'MEMORY_NOT_FOUND');
      expect((await callTool(stranger, 'list_memories', { session_id: 'private', include_user: true })).data).toEqual(
        [],
      );
      expect((await callTool(stranger, 'search_memory', { query: 'Secret' })).data).toEqual([]);
      await expectToolError(stranger, 'get_context', { session_id: 'private' }, 'SESSION_NOT_FOUND');
      const messages = [{ role: 'user', content: 'x' }];
      await expectToolError(stranger, 'append_messages', { thread_id: id, messages }, 'THREAD_NOT_FOUND');
      const uri = `throughline://threads/${id}`;
      await expect(stranger.readResource({ uri })).rejects.toThrow('THREAD_NOT_FOUND');
      expect((await stranger.listResources()).resources).toEqual([]);
    }
    expect(await callTool(mcp, 'get_memory', { key: 'private' })).toMatchObject({ version: 1 });
    expect((await alice.get(`/threads/${id}`)).body.message_count).toBe(1);
  });
});
