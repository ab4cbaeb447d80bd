import { calling, history, PARALLEL, type Said } from '../../../test/support/data/format-histories';
import { violationsOf } from '../../../test/support/data/format-rules';
import { CONTEXT_FORMATS, toFormat } from '.';

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

const IMAGES = history({
  role: 'user',
  content: [
    { type: 'text', text: 'Compare' },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    { type: 'image_url', image_url: { url: PIXEL } },
    { type: 'image_url', image_url: { url: 'ftp://example.com/a' } },
  ],
});

describe('toFormat', () => {
  it('chat: as stored, results after their calls, without metadata', () => {
    const { messages } = toFormat('chat', PARALLEL);
    expect(messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: 'Celsius.' },
      { role: 'user', content: 'Weather? ☀️', name: 'anna' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [calling('a', '{ "city": "Zürich" }'), calling('b', '{"city":"大阪"}')],
      },
      { role: 'tool', tool_call_id: 'a', content: 'sun' },
      { role: 'tool', tool_call_id: 'b', content: 'rain' },
      { role: 'user', content: 'Quick!' },
      { role: 'assistant', content: 'Sun and rain.' },
    ]);
    expect(toFormat('chat', IMAGES).messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Compare' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
          { type: 'image_url', image_url: { url: PIXEL } },
          { type: 'text', text: '[image_url]' },
        ],
      },
    ]);
  });

  it('chat: names and ids that the provider refuses', () => {
    const long = `call-${'x'.repeat(60)}`;
    const { messages } = toFormat(
      'chat',
      history(
        { role: 'user', content: 'hi', name: 'Anna Müller' },
        { role: 'assistant', content: '', name: 'bot', tool_calls: [calling(long, '', 'my tool.v2')] },
        {
          role: 'tool',
          tool_call_id: long,
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ),
    );
    const id = expect.stringMatching(/^call-x{26}_[0-9a-f]{8}$/);
    expect(messages).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: '', name: 'bot', tool_calls: [{ ...calling('', '', 'my_tool_v2'), id }] },
      { role: 'tool', tool_call_id: id, content: 'a\nb' },
    ]);
    expect(violationsOf('chat', { messages })).toEqual([]);
  });

  it('responses: messages, calls and outputs are items', () => {
    const { input } = toFormat('responses', PARALLEL);
    expect(input).toHaveLength(9);
    expect(input).toEqual([
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief.' }] },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Celsius.' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Weather? ☀️' }] },
      { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{ "city": "Zürich" }' },
      { type: 'function_call', call_id: 'b', name: 'weather', arguments: '{"city":"大阪"}' },
      { type: 'function_call_output', call_id: 'a', output: 'sun' },
      { type: 'function_call_output', call_id: 'b', output: 'rain' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Quick!' }] },
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Sun and rain.', annotations: [] }],
      },
    ]);
    expect(toFormat('responses', IMAGES).input).toEqual([
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Compare' },
          { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
          { type: 'input_image', image_url: PIXEL, detail: 'auto' },
          { type: 'input_text', text: '[image_url]' },
        ],
      },
    ]);
  });

  it('anthropic: instructions apart, results in one message, first, roles in turn', () => {
    const context = toFormat('anthropic', PARALLEL);
    expect(context).toEqual({
      system: 'Be brief.\n\nCelsius.',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Weather? ☀️' }] },
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Zürich' } },
            { type: 'tool_use', id: 'b', name: 'weather', input: { city: '大阪' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'sun', is_error: true },
            { type: 'tool_result', tool_use_id: 'b', content: 'rain' },
            { type: 'text', text: 'Quick!' },
          ],
        },
        { role: 'assistant', content: [{ type: 'text', text: 'Sun and rain.' }] },
      ],
    });
    expect(toFormat('anthropic', IMAGES).messages[0].content).toEqual([
      { type: 'text', text: 'Compare' },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
      { type: 'text', text: '[image_url]' },
    ]);
  });

  it('anthropic: begins with the user, leaves blank texts out, ends without white space', () => {
    const { messages } = toFormat(
      'anthropic',
      history(
        { role: 'assistant', content: 'Hello' },
        { role: 'assistant', content: ' \n' },
        { role: 'user', content: '' },
        { role: 'assistant', content: 'again \n' },
      ),
    );
    expect(messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: '[The conversation continues.]' }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Hello' },
          { type: 'text', text: 'again' },
        ],
      },
    ]);
    expect(violationsOf('anthropic', toFormat('anthropic', []))).toEqual([]);
  });

  it.each([
    ['', {}],
    ['{"n":1}', { n: 1 }],
    ['[1]', { raw_arguments: '[1]' }],
    ['{"n":', { raw_arguments: '{"n":' }],
    ['null', { raw_arguments: 'null' }],
    ['{"n":12345678901234567890}', { raw_arguments: '{"n":12345678901234567890}' }],
    ['{"n":"12345678901234567890"}', { n: '12345678901234567890' }],
    [`${'{"a":'.repeat(9999)}1${'}'.repeat(9999)}`, { raw_arguments: expect.any(String) }],
  ])('anthropic and ai-sdk: the arguments %.30s become an object', (text, input) => {
    const messages = history(
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, tool_calls: [calling('a', text)] },
      { role: 'tool', tool_call_id: 'a', content: '' },
    );
    expect(toFormat('anthropic', messages).messages[1].content).toEqual([
      { type: 'tool_use', id: 'a', name: 'weather', input },
    ]);
    expect(toFormat('anthropic', messages).messages[2].content).toEqual([{ type: 'tool_result', tool_use_id: 'a' }]);
    expect(toFormat('ai-sdk', messages).messages[1].parts).toMatchObject([{ input, output: '' }]);
  });

  it('ai-sdk: UIMessages, with calls in each state', () => {
    const context = toFormat('ai-sdk', [
      ...PARALLEL.map((message, index) => (index === 2 ? { ...message, id: 'mine', metadata: { n: 1 } } : message)),
      ...history({ role: 'assistant', content: 'And', tool_calls: [calling('c')] }),
    ]);
    const part = { type: 'dynamic-tool', toolName: 'weather' };
    expect(context.system).toBe('Be brief.\n\nCelsius.');
    expect(context.messages).toEqual([
      { id: 'mine', role: 'user', metadata: { n: 1 }, parts: [{ type: 'text', text: 'Weather? ☀️' }] },
      {
        id: 'message-2',
        role: 'assistant',
        parts: [
          { ...part, toolCallId: 'a', input: { city: 'Zürich' }, state: 'output-error', errorText: 'sun' },
          { ...part, toolCallId: 'b', input: { city: '大阪' }, state: 'output-available', output: 'rain' },
        ],
      },
      { id: 'message-3', role: 'user', parts: [{ type: 'text', text: 'Quick!' }] },
      { id: 'message-4', role: 'assistant', parts: [{ type: 'text', text: 'Sun and rain.' }] },
      {
        id: 'message-5',
        role: 'assistant',
        parts: [
          { type: 'text', text: 'And' },
          { ...part, toolCallId: 'c', input: {}, state: 'input-available' },
        ],
      },
    ]);
    const [{ parts }] = toFormat('ai-sdk', IMAGES).messages;
    expect(parts).toEqual([
      { type: 'text', text: 'Compare' },
      { type: 'file', mediaType: 'image/*', url: 'https://example.com/a.png' },
      { type: 'file', mediaType: 'image/png', url: PIXEL },
      { type: 'text', text: '[image_url]' },
    ]);
  });

  it('never half a call: results without one go, calls without a result become text', () => {
    const messages = history(
      { role: 'tool', tool_call_id: 'gone', content: 'orphan' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'One moment', tool_calls: [calling('a', '{"n":1}')] },
      { role: 'user', content: 'never mind' },
    );
    const text = 'One moment\nCalled weather({"n":1}), which gave no result.';
    expect(toFormat('chat', messages).messages[1]).toEqual({ role: 'assistant', content: text });
    for (const format of CONTEXT_FORMATS) expect(JSON.stringify(toFormat(format, messages))).not.toContain('orphan');
  });

  it('a result of old that names only its tool belongs to the newest call of that tool', () => {
    const metadata = { tool_name: 'weather' };
    const messages = history(
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, tool_calls: [calling('a')] },
      { role: 'tool', content: 'sun', metadata },
      { role: 'tool', content: 'rain', metadata },
    );
    expect(toFormat('chat', messages).messages.slice(2)).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'sun' },
      { role: 'user', content: 'Result of weather: rain' },
    ]);
  });

  it('the newest call is the one that came last, though its id was open before', () => {
    const messages = history(
      ...['a', 'b', 'a'].map((id): Said => ({ role: 'assistant', content: null, tool_calls: [calling(id)] })),
      { role: 'tool', content: 'sun', metadata: { tool_name: 'weather' } },
    );
    expect(toFormat('chat', messages).messages.slice(2)).toEqual([
      { role: 'assistant', content: null, tool_calls: [calling('a')] },
      { role: 'tool', tool_call_id: 'a', content: 'sun' },
    ]);
  });

  it('ids that come again are told apart where the provider asks for it', () => {
    const again = history(
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, tool_calls: [calling('a:b')] },
      { role: 'tool', tool_call_id: 'a:b', content: '1' },
      { role: 'assistant', content: null, tool_calls: [calling('a:b')] },
      { role: 'tool', tool_call_id: 'a:b', content: '2' },
    );
    const { input } = toFormat('responses', again);
    expect(input.map((item) => 'call_id' in item && item.call_id)).toEqual([false, 'a:b', 'a:b', 'a:b_2', 'a:b_2']);
    const blocks = toFormat('anthropic', again).messages.flatMap(({ content }) => content);
    expect(blocks.map((block) => 'id' in block && block.id)).toEqual([false, 'a_b', false, 'a_b_2', false]);
    for (const format of CONTEXT_FORMATS) expect(violationsOf(format, toFormat(format, again))).toEqual([]);
  });

  it('content of no shape that is known is named, empty content stays empty', () => {
    const odd = history(
      { role: 'user', content: [{ type: 'hologram', url: 'https://example.com' }] },
      { role: 'user' },
    );
    expect(toFormat('chat', odd).messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: '[hologram]' }] },
      { role: 'user', content: '' },
    ]);
    for (const format of CONTEXT_FORMATS) expect(violationsOf(format, toFormat(format, odd))).toEqual([]);
  });
});

describe('the rules of the providers', () => {
  const call = calling('a');
  it.each([
    ['chat', 'calls without a result', { messages: [{ role: 'assistant', content: null, tool_calls: [call] }] }],
    ['chat', 'result of no call', { messages: [{ role: 'tool', tool_call_id: 'a', content: '' }] }],
    ['chat', 'unknown member metadata', { messages: [{ role: 'user', content: '', metadata: {} }] }],
    ['chat', 'no content', { messages: [{ role: 'assistant', content: null }] }],
    ['responses', 'output of no call', { input: [{ type: 'function_call_output', call_id: 'a', output: '' }] }],
    ['responses', 'without an output', { input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '' }] }],
    [
      'responses',
      'part input_text of assistant',
      { input: [{ type: 'message', role: 'assistant', content: [{ type: 'input_text', text: '' }] }] },
    ],
    ['anthropic', 'not of the user', { messages: [{ role: 'assistant', content: [{ type: 'text', text: 'a' }] }] }],
    ['anthropic', 'blank text', { messages: [{ role: 'user', content: [{ type: 'text', text: ' ' }] }] }],
    [
      'anthropic',
      'role twice',
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'a' }] },
          { role: 'user', content: [{ type: 'text', text: 'a' }] },
        ],
      },
    ],
    [
      'anthropic',
      'answers [a] to the calls []',
      { messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] }] },
    ],
    ['anthropic', 'role system', { messages: [{ role: 'system', content: [] }] }],
    ['ai-sdk', 'no parts', { messages: [{ id: '1', role: 'user', parts: [] }] }],
    ['ai-sdk', 'role system', { messages: [{ id: '1', role: 'system', parts: [{ type: 'text', text: '' }] }] }],
    ['ai-sdk', 'not even in the shape', { messages: 7 }],
  ] as const)('%s: notice %s', (format, problem, value) => {
    expect(violationsOf(format, value).join()).toContain(problem);
  });
});
