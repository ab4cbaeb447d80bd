import { addDecimals, toDecimal } from './decimal';

describe('toDecimal', () => {
  it.each([
    [0, '0'],
    [0.1, '0.1'],
    [0.0015, '0.0015'],
    [1e-7, '0.000000100000'],
    [1e-12, '0.000000000001'],
    [1e12, '1000000000000'],
    ['0.100000000000', '0.100000000000'],
    ['12', '12'],
  ])('reads %p exactly', (value, expected) => expect(toDecimal(value)).toBe(expected));

  it.each([-1, -0.1, NaN, Infinity, 1e-13, 1.5e-12, 1e13, 1e21, 1000000000001, 0.1234567890123])(
    'refuses the number %p',
    (value) => expect(toDecimal(value)).toBeUndefined(),
  );

  it.each(['', '-1', '+1', '1e3', '.5', '5.', '0x10', ' 1', '1,5', '0.1234567890123', '1000000000000.1', 'NaN', '١'])(
    'refuses the text %j',
    (value) => expect(toDecimal(value)).toBeUndefined(),
  );

  it.each([null, undefined, true, {}, [], ['1'], 5n])('refuses %p', (value) =>
    expect(toDecimal(value)).toBeUndefined(),
  );
});

it.each([
  ['0', '0', '0.000000000000'],
  ['0.100000000000', '0.2', '0.300000000000'],
  ['999999999999.999999999999', '0.000000000001', '1000000000000.000000000000'],
  ['12', '0.05', '12.050000000000'],
])('adds %s and %s exactly', (one, other, sum) => expect(addDecimals(one, other)).toBe(sum));
