import { assertStorable, exceedsJsonBytes, jsonBytes, parseBound, parseTime, toStorable } from './json';

describe('parseTime', () => {
  it.each([
    ['2025-01-02T03:04:05Z', '2025-01-02T03:04:05.000Z'],
    ['2025-01-02 03:04Z', '2025-01-02T03:04:00.000Z'],
    ['2025-01-02T03:04:05.123456789+07:00', '2025-01-01T20:04:05.123Z'],
    ['2024-02-29T00:00:00-0130', '2024-02-29T01:30:00.000Z'],
    [1700000000000, '2023-11-14T22:13:20.000Z'],
    ['1700000000000', '2023-11-14T22:13:20.000Z'],
    [0, '1970-01-01T00:00:00.000Z'],
  ])('C20 reads %s', (value, expected) => expect(parseTime(value)?.toISOString()).toBe(expected));

  it.each(['', 'yesterday', '12:00', '2025-01-01', '2025-01-01T00:00:00', '2025-13-01T00:00:00Z', '2025-00-01T00:00Z'])(
    'C20 F48 refuses %j',
    (value) => expect(parseTime(value)).toBeUndefined(),
  );

  it.each(['2025-02-29T00:00:00Z', '2025-02-30T00:00:00Z', '2025-04-31T00:00:00Z', '2025-01-00T00:00:00Z'])(
    'F48 refuses the day that is none in %s',
    (value) => expect(parseTime(value)).toBeUndefined(),
  );

  it.each(['2025-01-01T24:00:00Z', '2025-01-01T12:60:00Z', '2025-01-01T12:00:60Z', '2025-01-01T00:00:00+99:00'])(
    'F48 refuses the hour that is none in %s',
    (value) => expect(parseTime(value)).toBeUndefined(),
  );

  it.each([-1, 1.5, NaN, Infinity, 2 ** 53, 253402300800000, '-1', '9999999999999999', null, undefined, {}, [], true])(
    'C20 refuses %p',
    (value) => expect(parseTime(value)).toBeUndefined(),
  );
});

describe('parseBound', () => {
  it('takes a date alone for its midnight in UTC, and no day that is none', () => {
    expect(parseBound('2026-11-28')?.toISOString()).toBe('2026-11-28T00:00:00.000Z');
    expect(parseBound('2026-11-28T10:00:00+01:00')?.toISOString()).toBe('2026-11-28T09:00:00.000Z');
    for (const value of ['2026-02-30', '2026-11', '26-11-28', '2026-11-28 ', '2026-11-28T10:00:00']) {
      expect(parseBound(value)).toBeUndefined();
    }
  });
});

describe('assertStorable', () => {
  const check = (value: unknown, depth = 64) => assertStorable(value, depth);
  const nest = (depth: number): unknown => (depth === 0 ? 1 : { a: nest(depth - 1) });

  it.each([[{ a: ['ü', '👩‍👩‍👧', 'Đà Nẵng', '', null, true, 0.1, -0, 2 ** 53 - 1, 5e-324] }], ['text'], [null], [[]]])(
    'takes %j',
    (value) => expect(() => check(value)).not.toThrow(),
  );

  it.each([['\0'], ['a\0b'], ['\ud800'], ['x\udfff'], [{ a: [{ b: '\0' }] }], [{ '\0': 1 }], [[{ '\ud800': 1 }]]])(
    'C23 refuses text that cannot be stored: %j',
    (value) => expect(() => check(value)).toThrow(expect.objectContaining({ code: 'INVALID_TEXT', status: 400 })),
  );

  it.each([2 ** 53, -(2 ** 53), 1e21, Infinity, NaN])('refuses %p, which readers would round', (value) =>
    expect(() => check({ value })).toThrow(expect.objectContaining({ code: 'INVALID_NUMBER', status: 400 })),
  );

  it('refuses deeper nesting than it is told', () => {
    expect(() => check(nest(4), 4)).not.toThrow();
    expect(() => check(nest(5), 4)).toThrow(expect.objectContaining({ code: 'TOO_DEEP', status: 400 }));
    expect(() => check([[[[[1]]]]], 4)).toThrow(expect.objectContaining({ code: 'TOO_DEEP' }));
  });

  it('names the place, however deep', () => {
    expect(() => assertStorable({ list: [{ text: '\0' }] }, 8)).toThrow(/^body\.list\.0/);
    const long = Object.fromEntries([['k'.repeat(500), { text: '\0' }]]);
    expect(() => assertStorable(long, 8)).toThrow(/^.{1,200}$/);
  });
});

describe('exceedsJsonBytes', () => {
  it.each([['é"\n\u0001'.repeat(50)], [{ a: ['x', null, true, 1.5, { b: undefined, c: '' }], ü: {} }], [[]], [null]])(
    'says of %j what its text says',
    (value) => {
      const bytes = jsonBytes(value);
      expect([exceedsJsonBytes(value, bytes), exceedsJsonBytes(value, bytes - 1)]).toEqual([false, true]);
    },
  );
});

describe('jsonBytes', () => {
  it.each([
    [{}, 2],
    ['ü', 4],
    ['😀', 6],
    [undefined, 0],
  ])('%j has %d', (value, bytes) => expect(jsonBytes(value)).toBe(bytes));
});

describe('toStorable', () => {
  it('C23 makes any text one that can be stored, and leaves good text as it is', () => {
    for (const text of ['a\0b\0', '\ud800', 'x\udfffy', '\udc00\ud800']) {
      expect(() => assertStorable(toStorable(text), 1)).not.toThrow();
    }
    expect(toStorable('a\0b\ud800')).toBe('ab\ufffd');
    expect(toStorable('Grüße 👩‍👩‍👧\n')).toBe('Grüße 👩‍👩‍👧\n');
  });
});
