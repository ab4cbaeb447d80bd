import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

const SECONDS = 1_700_000_000.123;

type Node = { id: string; parent: string | null; children: string[]; message: object | null };

const said = (role: string, parts: unknown[], extra: object = {}) => ({
  id: 'x',
  author: { role, name: null, metadata: {} },
  create_time: SECONDS,
  update_time: null,
  content: { content_type: 'text', parts },
  status: 'finished_successfully',
  metadata: {},
  recipient: 'all',
  ...extra,
});

/** A conversation of ChatGPT's export: the first answer was asked for again, and the second is shown. */
function chatGpt(): { mapping: Record<string, Node>; [key: string]: unknown } {
  const node = (id: string, parent: string | null, children: string[], message: object | null): [string, Node] => [
    id,
    { id, parent, children, message },
  ];
  return {
    title: 'Trip to Tōkyō',
    create_time: SECONDS,
    update_time: SECONDS + 60,
    mapping: Object.fromEntries([
      node('root', null, ['system'], null),
      node('system', 'root', ['question'], said('system', [''])),
      node('question', 'system', ['first', 'second'], said('user', ['Where to?'])),
      node('first', 'question', [], said('assistant', ['Nara.'])),
      node('second', 'question', ['code'], said('assistant', ['Tokyo.'], { metadata: { model_slug: 'gpt-4o' } })),
      node(
        'code',
        'second',
        ['result'],
        said('assistant', [], { content: { content_type: 'code', language: 'python', text: '1+1' } }),
      ),
      node(
        'result',
        'code',
        ['picture'],
        said('tool', [], {
          author: { role: 'tool', name: 'python', metadata: {} },
          content: { content_type: 'execution_output', text: '2' },
        }),
      ),
      node(
        'picture',
        'result',
        [],
        said('user', [{ content_type: 'image_asset_pointer', asset_pointer: 'file-service://x' }, 'What is this?'], {
          create_time: null,
        }),
      ),
    ]),
    current_node: 'picture',
    conversation_id: 'abc-123',
    is_archived: false,
  };
}

describe('Import of what others have exported', () => {
  const { alice, bob } = world();

  async function imported(value: unknown, path = '/threads/import') {
    const { status, body, text } = await alice.post(path, value);
    expect({ status, text }).toEqual({ status: 201, text: expect.any(String) });
    const [{ thread_id }] = body.conversations;
    const { body: thread } = await alice.get(`/threads/${thread_id}`, { query: { include: 'messages' } });
    expectProblem(await bob.get(`/threads/${thread_id}`), 404, 'THREAD_NOT_FOUND');
    return { thread, messages: thread.chat_messages, answer: body };
  }
  const texts = (messages: { role: string; content: { text: string } }[]) =>
    messages.map(({ role, content }) => `${role}: ${content.text}`);

  it('F73 a plain history is one conversation; what else is said of a message is kept', async () => {
    const { messages, thread } = await imported([
      { role: 'user', content: 'Hello', metadata: { source: 'x' } },
      { role: 'assistant', content: 'Hi', refusal: null, annotations: [], id: 'msg_1' },
    ]);
    expect(texts(messages)).toEqual(['user: Hello', 'assistant: Hi']);
    expect(messages.map(({ metadata }: { metadata: object }) => metadata)).toEqual([
      { source: 'x' },
      { annotations: [], id: 'msg_1' },
    ]);
    expect(thread.token_count).toBeGreaterThan(0);
  });

  it('F46 OpenAI messages with tools, and the functions of older files', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{ "a" :1}' } };
    const { messages, thread } = await imported({
      model: 'gpt-4o',
      tools: [{ type: 'function' }],
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'done' },
        { role: 'assistant', content: null, function_call: { name: 'g', arguments: '{}' } },
        { role: 'function', name: 'g', content: '7' },
        { role: 'assistant', content: null, refusal: 'No.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image_url', image_url: { url: 'x' } },
          ],
        },
      ],
    });
    expect(thread.metadata).toEqual({ model: 'gpt-4o' });
    expect(messages[1]).toMatchObject({ content: null, tool_calls: [call] });
    expect(messages[3].tool_calls[0].function.name).toBe('g');
    expect(messages[4]).toMatchObject({ role: 'tool', tool_call_id: messages[3].tool_calls[0].id });
    expect(messages[5].content.text).toBe('No.');
    expect(messages[6].content).toHaveLength(2);
  });

  it('F46 ChatGPT: the branch that is shown, with its times, title and tools', async () => {
    const { thread, messages } = await imported([chatGpt()]);
    const time = new Date(Math.round(SECONDS * 1000)).toISOString();
    expect(thread).toMatchObject({ name: 'Trip to Tōkyō', created_at: time, metadata: { chatgpt: { id: 'abc-123' } } });
    expect(texts(messages.slice(0, 4))).toEqual(['user: Where to?', 'assistant: Tokyo.', 'assistant: 1+1', 'tool: 2']);
    expect(messages[1]).toMatchObject({ created_at: time, metadata: { model: 'gpt-4o' } });
    expect(messages[3].metadata).toMatchObject({ tool_name: 'python', content_type: 'execution_output' });
    expect(messages[4].content).toEqual([
      { type: 'image_asset_pointer', asset_pointer: 'file-service://x' },
      { type: 'text', text: 'What is this?' },
    ]);
    expect(messages).toHaveLength(5);
  });

  it('F46 ChatGPT: without current_node the last branch; a tree that goes in circles ends', async () => {
    const { current_node: _, ...unmarked } = chatGpt();
    expect((await imported([unmarked])).messages).toHaveLength(5);
    const circle = chatGpt();
    circle.mapping.root.parent = 'picture';
    expect((await imported([circle])).messages).toHaveLength(5);
    const broken = {
      ...chatGpt(),
      mapping: { a: null, b: { message: 7, parent: 'constructor' } },
      current_node: '__proto__',
    };
    expect((await imported([broken])).messages).toEqual([]);
  });

  it('P37 the first version of a state: the user is the caller, tokens are counted', async () => {
    const { thread, messages } = await imported({
      ConversationID: 'conv-456',
      Messages: [
        { Role: 'user', Content: 'My name is Alice', Timestamp: '2024-01-02T03:04:05Z' },
        {
          Role: 'assistant',
          Content: '',
          ToolCalls: [{ ID: 'c1', Name: 'save', Args: { name: 'Alice' } }],
          ToolCallID: '',
        },
        { Role: 'tool', Content: 'saved', ToolCallID: 'c1', Timestamp: '0001-01-01T00:00:00Z' },
      ],
    });
    expect(thread).toMatchObject({ user_id: 'alice', session_id: 'conv-456', name: 'conv-456', message_count: 3 });
    expect(thread.token_count).toBeGreaterThan(0);
    expect(messages[0]).toMatchObject({
      created_at: '2024-01-02T03:04:05.000Z',
      timestamp: '2024-01-02T03:04:05.000Z',
    });
    expect(messages[1].tool_calls).toEqual([
      { id: 'c1', type: 'function', function: { name: 'save', arguments: '{"name":"Alice"}' } },
    ]);
    expect(messages[2].tool_call_id).toBe('c1');
  });

  it('P37 its second version and snake case, whoever it names as the user', async () => {
    const state = {
      conversation_id: 'conv-7',
      user_id: 'mallory',
      token_count: 1_000_000,
      metadata: { a: 1 },
      system_prompt: 'Be brief.',
      messages: [{ role: 'user', content: 'Hi there' }],
    };
    const { thread } = await imported(state, '/sessions/import');
    expect(thread).toMatchObject({ user_id: 'alice', session_id: 'conv-7', metadata: { a: 1 } });
    expect(thread.token_count).toBeLessThan(10);
    expect((await alice.get('/sessions/conv-7')).body.system_prompt).toBe('Be brief.');
    expectProblem(await alice.post('/sessions/import', state), 409, 'SESSION_EXISTS');
    const go = { schema_version: 1, ConversationID: 'conv-8', UserID: 'x', Messages: [], TokenCount: 0 };
    expect((await imported(go, '/sessions/import')).thread.session_id).toBe('conv-8');
  });

  it('P37 a state as the server itself shows it', async () => {
    await alice.put('/sessions/own/state', {
      history: [{ role: 'user', content: 'Hi' }],
      metadata: { a: 1 },
      notebook_variables: { df: 'DataFrame' },
    });
    const { body } = await alice.get('/sessions/own/state');
    await alice.delete('/sessions/own');
    const { thread } = await imported(body, '/sessions/import');
    expect(thread).toMatchObject({ session_id: 'own', message_count: 1 });
    expect((await alice.get('/sessions/own/variables')).text).toContain('{"df":"DataFrame"}');
  });

  it('F46 a format that is named is the only one', async () => {
    const named = (format: string, body: unknown) => alice.send('POST', '/threads/import', { body, query: { format } });
    expectProblem(await named('chatgpt', { messages: [] }), 400, 'IMPORT_FORMAT_UNKNOWN');
    expectProblem(await named('word', { messages: [] }), 400, 'VALIDATION_FAILED');
    expect((await named('messages', [])).body).toMatchObject({ imported: 1, messages: 0 });
    expect((await named('openai', { messages: [] })).body).toMatchObject({ imported: 1 });
    expect((await named('throughline', { messages: [{ role: 'user', content: 'Hi' }] })).body).toMatchObject({
      imported: 1,
    });
  });

  it('F46 several in one body, as an array or under conversations', async () => {
    const one = { messages: [{ role: 'user', content: 'Hi' }] };
    for (const body of [[one, chatGpt(), one], { conversations: [one, one, chatGpt()] }]) {
      expect((await alice.post('/threads/import', body)).body).toMatchObject({ imported: 3, failed: 0 });
    }
    const many = Array.from({ length: 1001 }, () => one);
    expectProblem(await alice.post('/threads/import', many), 400, 'TOO_MANY_ITEMS');
  });
});
