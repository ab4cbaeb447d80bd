import fc from 'fast-check';
import { anyHistory } from '../../../test/support/data/format-histories';
import { violationsOf } from '../../../test/support/data/format-rules';
import { Problem } from '../../common/errors';
import type { MessageInput } from '../../messages/messages.dto';
import { CONTEXT_FORMATS, type ContextFormat, type FormatMessage, fromFormat, toFormat } from '.';

const RUNS = { numRuns: 500 };
const asChat = (messages: MessageInput[]) =>
  messages.map((message) => ({ metadata: {}, ...message, id: undefined })) as FormatMessage[];

const words = fc.string({ unit: 'grapheme', minLength: 1 }).map((value) => `“${value}”`);
const exchange = fc.record({
  question: words,
  steps: fc.array(
    fc.record({
      said: fc.option(words),
      calls: fc.array(fc.record({ input: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), result: words }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    { maxLength: 2 },
  ),
  answer: words,
});

/** What every format has a place for: roles in turn, ids of their own, arguments as JSON.stringify writes them. */
const cleanHistory = fc
  .record({ system: fc.option(words), exchanges: fc.array(exchange, { minLength: 1, maxLength: 3 }) })
  .map(({ system, exchanges }) => {
    let calls = 0;
    const messages: MessageInput[] = system === null ? [] : [{ role: 'system', content: system }];
    for (const { question, steps, answer } of exchanges) {
      messages.push({ role: 'user', content: question });
      for (const step of steps) {
        const made = step.calls.map(({ input, result }) => ({
          id: `call_${(calls += 1)}`,
          input: JSON.stringify(input),
          result,
        }));
        const tool_calls = made.map(({ id, input }) => ({
          id,
          type: 'function',
          function: { name: 'tool', arguments: input },
        }));
        messages.push({ role: 'assistant', content: step.said, tool_calls });
        for (const { id, result } of made)
          messages.push({ role: 'tool', tool_call_id: id, name: 'tool', content: result });
      }
      messages.push({ role: 'assistant', content: answer });
    }
    return messages;
  });

describe.each(CONTEXT_FORMATS)('%s, on random histories', (format) => {
  it('is always what the provider takes', () =>
    fc.assert(
      fc.property(anyHistory, (messages) => {
        expect(violationsOf(format, toFormat(format, messages))).toEqual([]);
      }),
      RUNS,
    ));

  it('does not touch what it was given', () =>
    fc.assert(
      fc.property(anyHistory, (messages) => {
        const before = structuredClone(messages);
        toFormat(format, messages);
        expect(messages).toEqual(before);
      }),
    ));

  it('what comes back goes out again the same', () =>
    fc.assert(
      fc.property(anyHistory, (messages) => {
        const once = toFormat(format, messages);
        expect(toFormat(format, asChat(fromFormat(format, once)))).toEqual(once);
      }),
      RUNS,
    ));

  it('what it has a place for comes back as it was', () =>
    fc.assert(
      fc.property(cleanHistory, (messages) => {
        // OpenAI's tool messages have no name.
        const expected = format === 'chat' ? messages.map(({ name: _, ...rest }) => rest) : messages;
        expect(fromFormat(format, toFormat(format, asChat(messages)))).toEqual(expected);
      }),
      RUNS,
    ));

  it('refuses garbage by VALIDATION_FAILED, and nothing else', () =>
    fc.assert(
      fc.property(cleanHistory, fc.jsonValue(), fc.nat(), fc.boolean(), (messages, garbage, at, whole) => {
        const valid = JSON.parse(JSON.stringify(toFormat(format, asChat(messages))));
        const input = whole ? garbage : spoil(valid, at, garbage);
        let read: MessageInput[] = [];
        try {
          read = fromFormat(format, input);
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
          expect(error).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ message: expect.any(String) }] });
        }
        expect(violationsOf(format, toFormat(format, asChat([...read, { role: 'user', content: '?' }])))).toEqual([]);
      }),
      RUNS,
    ));
});

/** The value with one of its members, wherever it stands, replaced. */
function spoil(value: unknown, at: number, garbage: unknown): unknown {
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const walk = (holder: unknown) => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const [key, item] of Object.entries(holder)) {
      places.push([holder as Record<string, unknown>, key]);
      walk(item);
    }
  };
  walk(value);
  const [holder, key] = places[at % places.length];
  holder[key] = garbage;
  return value;
}

describe('fromFormat', () => {
  const refused = (format: ContextFormat, input: unknown) => {
    try {
      return fromFormat(format, input);
    } catch (error) {
      return (error as Problem).errors?.map(({ message }) => message);
    }
  };

  it.each<[ContextFormat, unknown, string]>([
    ['chat', 7, 'body must be an object'],
    ['chat', {}, 'messages must be an array'],
    [
      'chat',
      [{ role: 'robot', content: '' }],
      'messages.0.role must be one of system, developer, user, assistant, tool',
    ],
    ['chat', [{ role: 'assistant' }], 'messages.0.content is required unless the message calls tools'],
    ['chat', [{ role: 'tool', content: '' }], 'messages.0.tool_call_id must be a string'],
    [
      'responses',
      [{ type: 'web_search_call' }],
      'input.0.type must be message, function_call, function_call_output or reasoning',
    ],
    ['responses', [{ type: 'function_call', call_id: '' }], 'input.0.call_id must have 1 to 255 characters'],
    [
      'anthropic',
      [{ role: 'user', content: [{ type: 'magic' }] }],
      'messages.0.content.0 is no part that can be stored (type "magic")',
    ],
    [
      'ai-sdk',
      [{ role: 'assistant', parts: [{ type: 'tool-f', toolCallId: 'a', state: 'odd' }] }],
      'messages.0.parts.0.state is none of the states of a tool part',
    ],
  ])('%s: says what is wrong', (format, input, message) => {
    expect(refused(format, input)).toEqual([message]);
  });

  it('chat: keeps content, arguments and names as they are', () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{ "x":1 }' } };
    const own: MessageInput[] = [
      { role: 'developer', content: 'd' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '' },
          { type: 'input_audio', input_audio: {} },
        ],
        name: 'Anna M.',
      },
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'a', content: '', name: 'f' },
    ];
    expect(fromFormat('chat', own)).toEqual(own);
    expect(fromFormat('chat', [{ role: 'assistant', content: null, refusal: 'No.' }])).toEqual([
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    ]);
  });

  it('responses: an answer of the API, with its reasoning, and a plain text', () => {
    const output = [
      { type: 'reasoning', id: 'rs_1', summary: [] },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hm.', annotations: [] }],
      },
      { type: 'function_call', id: 'fc_1', call_id: 'a', name: 'f', arguments: '{ "x":1 }', status: 'completed' },
      { type: 'function_call', id: 'fc_2', call_id: 'b', name: 'g', arguments: '', status: 'completed' },
      { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'done' }] },
    ];
    const calls = [
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{ "x":1 }' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '' } },
    ];
    expect(
      fromFormat('responses', { instructions: 'Be brief.', input: [{ role: 'user', content: 'hi' }, ...output] }),
    ).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Hm.', tool_calls: calls },
      { role: 'tool', tool_call_id: 'b', name: 'g', content: 'done' },
    ]);
    expect(fromFormat('responses', 'hi')).toEqual([{ role: 'user', content: 'hi' }]);
  });

  it('anthropic: plain texts, thinking, blocks of the system, images in results', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
    const input = {
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: 'hi' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: '…', signature: 's' },
            { type: 'tool_use', id: 't', name: 'f', input: { x: 1 } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 't', is_error: true, content: [{ type: 'image', source }] }],
        },
      ],
    };
    expect(fromFormat('anthropic', input)).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
      },
      {
        role: 'tool',
        tool_call_id: 't',
        name: 'f',
        content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
        metadata: { is_error: true },
      },
    ]);
  });

  it('ai-sdk: steps are messages, tools of both kinds, ids that are UUIDs stay', () => {
    const id = '0197f0c2-7a0e-7bbb-8c52-000000000001';
    const tool = { type: 'tool-weather', toolCallId: 'a', input: { x: 1 } };
    const input = [
      {
        id: 'u1',
        role: 'user',
        parts: [
          { type: 'text', text: 'hi' },
          { type: 'file', mediaType: 'image/png', url: 'https://example.com/a.png' },
        ],
      },
      {
        id,
        role: 'assistant',
        metadata: { model: 'm' },
        parts: [
          { type: 'step-start' },
          { type: 'reasoning', text: '…' },
          { ...tool, state: 'output-available', output: { t: 20 } },
          {
            type: 'dynamic-tool',
            toolName: 'g',
            toolCallId: 'b',
            input: {},
            state: 'output-denied',
            approval: { id: '1', approved: false },
          },
          { type: 'dynamic-tool', toolName: 'g', toolCallId: 'c', rawInput: '{"', state: 'input-streaming' },
          { type: 'step-start' },
          { type: 'text', text: 'Warm.' },
          { type: 'data-chart', data: {} },
        ],
      },
    ];
    const call = (name: string, callId: string, text: string) => ({
      id: callId,
      type: 'function',
      function: { name, arguments: text },
    });
    expect(fromFormat('ai-sdk', input)).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        ],
      },
      {
        id,
        metadata: { model: 'm' },
        role: 'assistant',
        content: null,
        tool_calls: [call('weather', 'a', '{"x":1}'), call('g', 'b', '{}')],
      },
      { role: 'tool', tool_call_id: 'a', name: 'weather', content: '{"t":20}' },
      {
        role: 'tool',
        tool_call_id: 'b',
        name: 'g',
        content: 'Tool call execution denied.',
        metadata: { is_error: true },
      },
      { role: 'assistant', content: 'Warm.' },
    ]);
  });
});
