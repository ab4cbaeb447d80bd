import type { MessageInput } from '../messages.dto';
import { countTokens, toNewMessage } from './new-message';

const RULES = { estimator: 'chars_4', metadataBytes: 100, bytes: 10_000 } as const;
const make = (input: MessageInput) => toNewMessage(input, RULES);
const fieldsOf = (input: MessageInput, path?: string): string[] => {
  try {
    toNewMessage(input, RULES, path);
    return [];
  } catch (error) {
    return (error as { errors: { field: string }[] }).errors.map(({ field }) => field);
  }
};
const tool_calls = [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }];
const ID = '019A0000-0000-7000-8000-00000000000A';

describe('toNewMessage', () => {
  it('fills in what the server decides', () =>
    expect(make({ role: 'user', content: 'hello' })).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      role: 'user',
      content: { type: 'text', text: 'hello' },
      metadata: {},
      token_count: 2,
      cost: '0',
    }));

  it.each<[string, MessageInput, string[]]>([
    ['F20 no role', { content: 'x' }, ['role']],
    ['F20 two roles', { role: 'user', sender_role: 'tool', content: 'x' }, ['sender_role']],
    ['S18 no content', { role: 'user' }, ['content']],
    ['S18 content null', { role: 'assistant', content: null, tool_calls: [] }, ['content']],
    ['S18 null beside calls', { role: 'assistant', content: null, tool_calls }, []],
    ['S16 calls of a user', { role: 'user', content: 'x', tool_calls }, ['tool_calls']],
    ['S19 a result of no call', { role: 'tool', content: 'x' }, ['tool_call_id']],
    ['F37 a result that names its tool', { role: 'tool', content: 'x', metadata: { tool_name: 'f' } }, []],
  ])('%s', (_, input, fields) => expect(fieldsOf(input)).toEqual(fields));

  it('names the message of a batch', () => expect(fieldsOf({}, 'messages.2.')).toContain('messages.2.role'));

  it('refuses large metadata, also inside the content', () => {
    const metadata = { big: 'x'.repeat(100) };
    for (const input of [{ content: 'x', metadata }, { content: { text: 'x', metadata } }]) {
      expect(() => make({ role: 'user', ...input })).toThrow('larger than 100 bytes');
    }
  });

  it('S17 S23 a type is filled in, arguments stay', () => {
    const { type: _, ...call } = tool_calls[0];
    expect(make({ role: 'assistant', tool_calls: [call as (typeof tool_calls)[0]] }).tool_calls).toEqual(tool_calls);
  });

  it('P21 C20 keeps costs as decimals and times as instants', () => {
    const made = make({ role: 'user', content: 'x', cost: '0.000000000001', timestamp: 1700000000000 });
    expect(made).toMatchObject({ cost: '0.000000000001', client_timestamp: '2023-11-14T22:13:20.000Z' });
  });

  it('hashes the request under an id of the caller only, whatever the order of keys', () => {
    const hash = (input: MessageInput) => make({ id: ID, role: 'user', ...input }).request_hash;
    expect(make({ role: 'user', content: 'x' }).request_hash).toBeUndefined();
    expect(make({ id: ID, role: 'user', content: 'x' }).id).toBe(ID.toLowerCase());
    expect(hash({ content: { a: 1, b: 2 } })).toBe(hash({ content: { b: 2, a: 1 } }));
    const hashes = [{ content: [1, 2] }, { content: [2, 1] }, { content: 'x' }, { content: { 0: 1, 1: 2 } }].map(hash);
    expect(new Set(hashes).size).toBe(4);
  });
});

describe('countTokens', () => {
  it('P20 adds the text and the calls', () => {
    expect(countTokens(null, undefined, 'chars_4')).toBe(0);
    expect(countTokens({ text: 'abcde' }, tool_calls, 'chars_4')).toBe(3);
  });

  it.each<[string, object]>([
    [
      'what an AI SDK tool took',
      { type: 'tool-edit_image', toolCallId: 'c', state: 'input-available', input: { q: '?' } },
    ],
    ['what it gave', { type: 'dynamic-tool', toolName: 'f', toolCallId: 'c', state: 'output-available', output: '?' }],
    ['a result of ours', { type: 'tool-result', toolCallId: 'c', output: { type: 'json', value: ['?'] } }],
    ['a call of Anthropic', { type: 'tool_use', id: 'c', name: 'f', input: { q: '?' } }],
    ['reasoning', { type: 'thinking', thinking: '?', signature: 's' }],
    ['reasoning as text', { type: 'reasoning', text: '?' }],
    ['data', { type: 'data-weather', data: { q: '?' } }],
    ['a source', { type: 'source-document', sourceId: 's', title: '?' }],
  ])('P20 counts %s, as much longer as it is', (_, part) => {
    const longer = JSON.parse(JSON.stringify(part).replace('?', 'x'.repeat(4001))) as object;
    for (const wrap of [(one: object) => one, (one: object) => [{ type: 'text', text: 'Hi.' }, one]]) {
      const [short, long] = [part, longer].map((one) => countTokens(wrap(one), null, 'chars_4'));
      expect(short).toBeGreaterThan(0);
      expect(long).toBe(short + 1000);
    }
  });

  it('P20 counts an image, a file or a sound as 1100, wherever it stands; texts and calls besides', () => {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'x'.repeat(100_000)}` } };
    const url = { type: 'tool-shoot', input: {}, output: { picture: image.image_url.url } };
    const small = countTokens({ type: 'tool-shoot', input: {}, output: {} }, null, 'chars_4');
    expect(countTokens([image, { type: 'file', mediaType: 'text/csv', url: 'x' }], null, 'chars_4')).toBe(2200);
    expect(countTokens([{ type: 'text', text: 'abcd' }, image], tool_calls, 'chars_4')).toBe(1 + 1100 + 1);
    expect(countTokens({ type: 'tool_result', content: [] }, null, 'chars_4') + 1100).toBe(
      countTokens({ type: 'tool_result', content: [image] }, null, 'chars_4') - 1,
    );
    expect(countTokens(url, null, 'chars_4')).toBe(small + 1100);
    expect(countTokens({ picture: 'of no type' }, null, 'chars_4')).toBe(0);
  });
});
