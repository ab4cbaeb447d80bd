import * as fc from 'fast-check';
import { toNewMessage, toRow } from './append/new-message';
import { MESSAGE_ROLES, type MessageRow } from './message.entity';
import {
  textOf,
  toChatContent,
  toChatMessage,
  toMessageJson,
  toMessageView,
  toPrompt,
  toShown,
  toStored,
  type UnparsedRow,
} from './message-views';
import type { MessageInput } from './messages.dto';

describe('toStored', () => {
  it('F17 makes a part of a text', () =>
    expect(toStored('hi')).toEqual({ content: { type: 'text', text: 'hi' }, metadata: {} }));

  it.each([[{ type: 'image', url: 'u' }], [[{ type: 'text', text: 'x' }]], [[]], [{}], [null]])(
    'F18 C54 keeps %j',
    (content) => expect(toStored(content, { a: 1 })).toEqual({ content, metadata: { a: 1 } }),
  );

  it('C54 keeps absence', () => expect(toStored(undefined)).toEqual({ metadata: {} }));

  it('F19 moves the metadata of the content to the metadata, which wins', () => {
    const content = { type: 'text', text: 'x', metadata: { from: 'content' } };
    const bare = { type: 'text', text: 'x' };
    expect(toStored(content)).toEqual({ content: bare, metadata: { from: 'content' } });
    expect(toStored(content, { from: 'body' })).toEqual({ content: bare, metadata: { from: 'body' } });
  });

  it.each([[{ metadata: {} }], [{ metadata: 'text' }], [{ metadata: null }]])('F19 leaves %j alone', (content) =>
    expect(toStored(content)).toEqual({ content, metadata: {} }),
  );

  it('does not change what it is given', () => {
    const content = Object.freeze({ text: 'x', metadata: Object.freeze({ a: 1 }) });
    expect(() => toStored(content)).not.toThrow();
  });
});

describe('toShown', () => {
  it('F19 puts the metadata into an object, and nowhere else', () => {
    expect(toShown({ type: 'text', text: 'x' }, { a: 1 })).toEqual({ type: 'text', text: 'x', metadata: { a: 1 } });
    expect(toShown({ type: 'text', text: 'x' }, {})).toEqual({ type: 'text', text: 'x' });
    expect(toShown([{ text: 'x' }], { a: 1 })).toEqual([{ text: 'x' }]);
    expect(toShown(null, { a: 1 })).toBeNull();
  });
});

describe('toChatContent', () => {
  it.each([
    ['F31 plain text', { type: 'text', text: 'x' }, 'x'],
    ['F31 text without a type', { text: 'x' }, 'x'],
    ['F31 an object without text', { answer: 42 }, ''],
    ['F31 text among other members', { text: 'x', answer: 42 }, 'x'],
    ['C54 an empty text', { type: 'text', text: '' }, ''],
    ['C54 null', null, null],
  ])('%s', (_, content, expected) => expect(toChatContent(content)).toEqual(expected));

  it('makes an array of a part that is more than text, and keeps arrays', () => {
    const cached = { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } };
    expect(toChatContent(cached)).toEqual([cached]);
    expect(toChatContent([cached])).toEqual([cached]);
  });
});

describe('textOf', () => {
  it.each([
    ['x', 'x'],
    [{ text: 'x' }, 'x'],
    [[{ text: 'x' }, { type: 'image' }, { text: '' }, { text: 'y' }], 'x\ny'],
    [{ text: 1 }, ''],
    [null, ''],
    [undefined, ''],
  ])('of %j is %j', (content, text) => expect(textOf(content)).toBe(text));
});

const AUTHOR = { created_by: 'alice', created_via: 'jwt' };
const PLACE = { thread_id: 't', seq: 3, created_at: '2025-01-01T00:00:00.000Z', ...AUTHOR };
const row = (input: MessageInput) =>
  toRow(toNewMessage(input, { estimator: 'chars_4', metadataBytes: 1000, bytes: 10_000 }), PLACE);
const tool_calls = [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }];

describe('toMessageView', () => {
  it('F21 has every field', () =>
    expect(toMessageView(row({ role: 'user', content: 'x', cost: 0.5 }))).toEqual({
      id: expect.any(String),
      thread_id: 't',
      chat_thread_id: 't',
      seq: 3,
      role: 'user',
      sender_role: 'user',
      sender_id: null,
      ...AUTHOR,
      content: { type: 'text', text: 'x' },
      tool_calls: null,
      tool_call_id: null,
      name: null,
      metadata: {},
      token_count: 1,
      cost: 0.5,
      timestamp: null,
      created_at: '2025-01-01T00:00:00.000Z',
      updated_at: '2025-01-01T00:00:00.000Z',
    }));

  it('C54 absent content is absent, null is null', () => {
    const answer: unknown = JSON.parse(JSON.stringify(toMessageView(row({ role: 'assistant', tool_calls }))));
    expect(answer).not.toHaveProperty('content');
    expect(toMessageView(row({ role: 'assistant', content: null, tool_calls })).content).toBeNull();
  });
});

const THREAD = '01940000-0000-7000-8000-000000000001';

/** JSON as PostgreSQL writes a jsonb: a space after each comma and colon, shorter keys first. */
function toPostgres(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toPostgres).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).sort(
    ([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}: ${toPostgres(item)}`).join(', ')}}`;
}

type Write = (value: unknown) => string;

const unparsed = ({ thread_id: _, ...row }: MessageRow, write: Write): UnparsedRow => ({
  ...row,
  content: row.has_content ? write(row.content) : null,
  tool_calls: row.tool_calls && write(row.tool_calls),
  metadata: write(row.metadata),
});

const ODD = [
  '"',
  '\\',
  '\\"',
  '{"a": 1}',
  'null',
  '{}',
  '\u0000',
  '\u001f',
  '\u2028',
  'é',
  '漢字',
  '👩‍👩‍👧',
  '',
  "'; --",
  '</script>',
];
const odd = fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary' }));
const json = fc.jsonValue({ maxDepth: 4 });
const object = fc.dictionary(fc.oneof(odd, fc.constantFrom('metadata', 'type', 'text', '__proto__', '1')), json, {
  maxKeys: 5,
});
const content = fc.oneof(
  odd.map((text) => ({ type: 'text', text })),
  object,
  object.map((metadata) => ({ type: 'image', metadata })),
  fc.array(object, { maxLength: 4 }),
  json,
  fc.constantFrom(null, {}, [], '', 0, -0, false, { metadata: null }, { metadata: {} }, { metadata: 'x' }),
);
const time = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const call = fc.record({
  id: odd,
  type: fc.constant('function'),
  function: fc.record({ name: odd, arguments: json.map((value) => JSON.stringify(value)) }),
});
const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

const anyRows = fc
  .record({
    id: fc.uuid(),
    thread_id: fc.constant(THREAD),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    role: fc.constantFrom(...MESSAGE_ROLES),
    has_content: fc.boolean(),
    content,
    tool_calls: orNull(fc.array(call, { maxLength: 3 })),
    tool_call_id: orNull(odd),
    name: orNull(odd),
    sender_id: orNull(odd),
    created_by: orNull(odd),
    created_via: orNull(odd),
    metadata: fc.oneof(fc.constant({}), object),
    token_count: fc.nat(),
    cost: fc.constantFrom(
      '0.000000000000',
      '0.001500000000',
      '0.000000000001',
      '999999999999.999999999999',
      '1.5',
      '0',
    ),
    client_timestamp: orNull(time),
    created_at: time,
    updated_at: time,
  })
  .map((row) => (row.has_content ? row : { ...row, content: null })) as unknown as fc.Arbitrary<MessageRow>;

describe('toMessageJson', () => {
  it('F21 C54 is, to the byte, the JSON of toMessageView', () => {
    fc.assert(
      fc.property(anyRows, (row) => {
        const shown = toMessageJson(unparsed(row, JSON.stringify), THREAD);
        expect(shown).toBe(JSON.stringify(toMessageView(row)));
      }),
      { numRuns: 2000 },
    );
  });

  it('F21 C54 says the same from the texts of PostgreSQL', () => {
    fc.assert(
      fc.property(anyRows, (row) => {
        const shown: unknown = JSON.parse(toMessageJson(unparsed(row, toPostgres), THREAD));
        expect(shown).toEqual(JSON.parse(JSON.stringify(toMessageView(row))));
      }),
      { numRuns: 2000 },
    );
  });

  const anyRow = (fields: object) =>
    ({ ...fc.sample(anyRows, { numRuns: 1, seed: 7 })[0], has_content: true, metadata: {}, ...fields }) as MessageRow;
  const shown = (fields: object) => JSON.parse(toMessageJson(unparsed(anyRow(fields), toPostgres), THREAD)) as object;

  it('C54 absent content is absent, null is null, an object with nothing in it is that', () => {
    expect(shown({ has_content: false, content: null })).not.toHaveProperty('content');
    expect(shown({ content: null })).toHaveProperty('content', null);
    expect(shown({ content: {} })).toHaveProperty('content', {});
  });

  it('F19 shows the metadata in a content that is an object, and in no other', () => {
    const metadata = { a: 'b' };
    expect(shown({ content: {}, metadata })).toHaveProperty('content', { metadata });
    expect(shown({ content: { text: 'x', metadata: 1 }, metadata })).toHaveProperty('content', { text: 'x', metadata });
    expect(shown({ content: { text: 'x', metadata: { c: 1 } } })).toHaveProperty('content.metadata', { c: 1 });
    for (const content of [[{ metadata: 1 }], 'x', null]) {
      expect(shown({ content, metadata })).toMatchObject({ content, metadata });
    }
  });

  it.each([
    ['1000000000000000000000', 1e21],
    ['0.0000001', 1e-7],
    ['0.1', 0.1],
    ['1.10', 1.1],
    ['9007199254740993', 9007199254740992],
  ])('passes the number %s on', (text, number) => {
    for (const metadata of ['{}', '{"n": 1}']) {
      const fields = { ...unparsed(anyRow({}), toPostgres), content: `{"n": ${text}}`, metadata };
      expect(JSON.parse(toMessageJson(fields, THREAD)).content.n).toBe(number);
    }
  });
});

describe('toChatMessage', () => {
  it('F31 has only what the message has', () => {
    expect(toChatMessage(row({ role: 'user', content: 'x' }))).toEqual({ role: 'user', content: 'x', metadata: {} });
    expect(toChatMessage(row({ role: 'assistant', tool_calls }))).toEqual({
      role: 'assistant',
      tool_calls,
      metadata: {},
    });
    const result: MessageInput = { role: 'tool', content: '', tool_call_id: 'call_1', name: 'f' };
    expect(toChatMessage(row(result))).toEqual({ ...result, metadata: {} });
  });
});

describe('toPrompt', () => {
  const rows = [
    row({ role: 'system', content: 'Be brief.' }),
    row({ role: 'developer', content: 'Be kind.' }),
    row({ role: 'user', content: 'Hi' }),
    row({ role: 'assistant', content: null, tool_calls }),
    row({ role: 'tool', content: '2', metadata: { tool_name: 'calc' }, name: 'other', tool_call_id: 'call_1' }),
  ];

  it('F38 is a line a message, without the system unless asked for', () => {
    const lines = ['User: Hi', 'Assistant: ', 'Tool (calc): 2'];
    expect(toPrompt(rows, false)).toBe(lines.join('\n'));
    expect(toPrompt(rows, true)).toBe(['System: Be brief.', 'System: Be kind.', ...lines].join('\n'));
    expect(toPrompt([], true)).toBe('');
  });
});
