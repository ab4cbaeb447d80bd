import * as fc from 'fast-check';
import type { Operation } from './openapi';

/** What a request may be made of that no client with good intentions sends. */
const LONG = 'x'.repeat(300);
const UUID = '019a0000-0000-7000-8000-000000000001';

const TEXTS = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff',
    '__proto__',
    'constructor',
    'toString',
    LONG,
    '\u202e',
    '👩‍👩‍👧',
    "'; DROP TABLE threads; --",
  ],
  ...['null', 'true', '-1', '1e400', 'NaN', '99999999999999999999', '../../etc/passwd', '%00', '${7*7}', '{"a":1}'],
  ...['2025-13-45T00:00:00Z', '-271821-04-20T00:00:00Z', '9999-12-31T23:59:59.999Z', '0001-01-01T00:00:00Z', '12:00'],
  ...[UUID, '00000000-0000-0000-0000-000000000000', 'user', 'root', 'tool'],
];
const NUMBERS = [
  0,
  -0,
  -1,
  0.1,
  1e-7,
  1001,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  1e21,
  1e308,
  5e-324,
  253402300800000,
];
const SHAPES = [
  null,
  true,
  false,
  [],
  {},
  [[]],
  [null],
  [{}],
  { a: null },
  { type: 'text' },
  { type: 'text', text: 1 },
];

const manyOf = fc.constantFrom<unknown>(
  Array(1001).fill({ role: 'user', content: 'x' }),
  Array(1001).fill(null),
  Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`key${index}`, index])),
  { ...SHAPES, big: 'x'.repeat(70_000) },
);
const keyed = fc.dictionary(fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary' })), fc.jsonValue());

/** Each odd value by itself. */
export const ODD_VALUES: unknown[] = [...TEXTS, ...NUMBERS, ...SHAPES];

/** Any JSON value, the odd ones first. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...ODD_VALUES) },
  { weight: 2, arbitrary: fc.jsonValue({ noUnicodeString: false }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom<unknown>(...ODD_VALUES), { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.oneof(manyOf, keyed) },
);

const nested = (open: string, close: string, depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;

/** Bodies that are no JSON, or JSON that `JSON.stringify` would not write. */
export const rawBody = fc.constantFrom<string | Buffer>(
  ...['', ' ', '{', '}', 'null', 'true', '[]', '"text"', '0', 'undefined', '{"name":"x",}', "{'name':'x'}", '\ufeff{}'],
  ...['{"name":"a","name":"b"}', '{"role":"user","content":"\\u0000"}', '{"role":"user","content":"\\ud800"}'],
  ...[
    '{"__proto__":{"x":1}}',
    '{"name":"x","metadata":{"__proto__":{"x":1}}}',
    '{"name":"x","metadata":{"constructor":1}}',
  ],
  ...['{"constructor":{"prototype":{"x":1}}}', '{"name":"x","metadata":{"n":1e400}}', `{"name":1${'0'.repeat(400)}}`],
  ...['{"name":"x","metadata":{"n":123456789012345678901234567890}}', '{"\\u0000":1}', '{"\\ud800":1}'],
  ...[nested('[', ']', 10_000), nested('{"a":', '}', 10_000), nested('{"messages":[', ']}', 5_000)],
  `{"name":"x","metadata":${nested('{"a":', '}', 10_000)}}`,
  `{"role":"user","content":${nested('[', ']', 10_000)}}`,
  ...[Buffer.from([0xff, 0xfe, 0x7b, 0x7d]), Buffer.from('{"name":"\xe9"}', 'latin1'), Buffer.alloc(1000)],
);

/** Path ids as they stand in the URL. */
export const rawId = fc.oneof(
  fc.constantFrom(
    '%00',
    'a%00b',
    '%zz',
    '%',
    '%E0%A4%A',
    '%ED%A0%80',
    '..',
    '../..',
    '%2e%2e',
    '%2F',
    'a%2Fb',
    '%0A',
    '',
  ),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'null',
    '-1',
    '0',
    '*',
    '%20',
    LONG,
    'x'.repeat(2500),
    "'",
    '%F0%9F%98%80',
  ),
  fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
  fc.uuid(),
);

const QUERY_VALUES = [
  '',
  '-1',
  '0',
  '1',
  'abc',
  '1.5',
  '1e9',
  '99999999999999999999',
  '%00',
  '%zz',
  '%ED%A0%80',
  '%',
  'null',
  LONG,
  '+',
  '__proto__',
];
const QUERY_NAMES = [
  'x',
  '__proto__',
  'constructor',
  'limit[]',
  'limit[a]',
  'limit',
  'after',
  'offset',
  'order',
  '%00',
  '%zz',
  '',
];

/** Parts of forged cursors: some pass for what they are not. */
const POSITIONS: unknown[] = ['1', '1700000000000', '2025-02-30T00:00:00Z', '2025-01-01T24:00:00Z', 'x', null];
POSITIONS.push('9999-12-31T23:59:59Z', '2025-01-01T00:00:00+14:59', '2025-01-01 00:00Z', UUID, 1, -1, 1.5, 2 ** 53);
const encode = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url');
/** Each odd value of a query parameter by itself. */
export const ODD_QUERY_VALUES: string[] = [
  ...QUERY_VALUES,
  ...TEXTS.filter((text) => text.isWellFormed()).map(encodeURIComponent),
  ...POSITIONS.flatMap((part) => [encode([part]), encode([part, UUID]), encode([UUID, part]), encode(part)]),
  ...['{"a":"\\ud800"}', '{"a":1e400}', '{"__proto__":1}', '[1]', '{"a":'.repeat(1000)].map(encodeURIComponent),
];
const position = fc.constantFrom(...POSITIONS);
const forgedCursor = fc.oneof(
  position.map((part) => encode([part])),
  position.map((part) => encode([part, UUID])),
  fc.tuple(fc.oneof(fc.jsonValue(), position), position).map(encode),
);

/** A query string of this operation's parameters and of some that it does not have; names repeat. */
export const rawQuery = ({ query }: Operation): fc.Arbitrary<string> => {
  const names = [...query.map(({ name }) => name), ...query.map(({ name }) => name), ...QUERY_NAMES];
  const value = fc.oneof(
    fc.constantFrom(...QUERY_VALUES),
    fc.constantFrom(...TEXTS.filter((text) => text.isWellFormed())).map(encodeURIComponent),
    fc.base64String({ maxLength: 40 }).map(encodeURIComponent),
    forgedCursor,
  );
  const pair = fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `${name}=${text}`);
  // One by one as well: the first parameter that is wrong hides the others.
  return fc.oneof(
    { weight: 2, arbitrary: pair },
    { weight: 2, arbitrary: forgedCursor.map((text) => `after=${text}`) },
    { weight: 3, arbitrary: fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join('&')) },
  );
};

const CONTENT_TYPES = [
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'garbage',
    '*/*',
  ],
  ...[
    'application/json; charset=utf-16',
    'application/json;charset=utf-8',
    'application/merge-patch+json',
    'text/json',
  ],
];

/** Headers beside the credentials. */
export const hostileHeaders: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.constantFrom(...CONTENT_TYPES).map((type) => ({ 'content-type': type })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('"1"', '*', 'W/"2"', '"99999999999999999999"', 'x', '""', '"-1"', '"1","2"', LONG)
      .map((tag) => ({ 'if-match': tag })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('k', 'a b', 'é', LONG, '"', 'x'.repeat(255)).map((key) => ({ 'idempotency-key': key })),
  },
  { weight: 1, arbitrary: fc.constantFrom('bob', 'é', LONG, 'a,b', ' ').map((user) => ({ 'x-user-id': user })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Bearer x', 'Basic eA==', 'Bearer', 'é').map((text) => ({ authorization: text })),
  },
  { weight: 1, arbitrary: fc.constantFrom('é', LONG, ' ', '{}').map((id) => ({ 'x-request-id': id })) },
);
