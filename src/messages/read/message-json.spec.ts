import * as fc from 'fast-check';
import { toMessageJson, type UnparsedRow } from './message-json';
import { toMessageView } from './message-views';
import { MESSAGE_ROLES, type MessageRow } from '../message.entity';

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

const rows = fc
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
      fc.property(rows, (row) => {
        const shown = toMessageJson(unparsed(row, JSON.stringify), THREAD);
        expect(shown).toBe(JSON.stringify(toMessageView(row)));
      }),
      { numRuns: 2000 },
    );
  });

  it('F21 C54 says the same from the texts of PostgreSQL', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const shown: unknown = JSON.parse(toMessageJson(unparsed(row, toPostgres), THREAD));
        expect(shown).toEqual(JSON.parse(JSON.stringify(toMessageView(row))));
      }),
      { numRuns: 2000 },
    );
  });

  const row = (fields: object) =>
    ({ ...fc.sample(rows, { numRuns: 1, seed: 7 })[0], has_content: true, metadata: {}, ...fields }) as MessageRow;
  const shown = (fields: object) => JSON.parse(toMessageJson(unparsed(row(fields), toPostgres), THREAD)) as object;

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
      const fields = { ...unparsed(row({}), toPostgres), content: `{"n": ${text}}`, metadata };
      expect(JSON.parse(toMessageJson(fields, THREAD)).content.n).toBe(number);
    }
  });
});
