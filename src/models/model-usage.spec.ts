import * as fc from 'fast-check';
import { costOf, toUsage } from './model-usage';

describe('costOf', () => {
  it.each([
    [10, 5, '50', '100', '0.001'],
    [1, 0, '0.000001', '0', '0.000000000001'],
    [1_000_000, 1_000_000, '0.15', '0.60', '0.75'],
    [3, 0, '0.1', '0', '0.0000003'],
    [1_000_000, 0, '2', '0', '2'],
    [0, 0, '2', '3', '0'],
    [5, 5, '0', '0', '0'],
  ])('%d and %d tokens at %s and %s are %s', (input, output, priceIn, priceOut, cost) =>
    expect(costOf(input, output, { input: priceIn, output: priceOut })).toBe(cost),
  );

  it('is exact for any tokens, never with an exponent or more than 12 places', () => {
    const tokens = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const price = fc.integer({ min: 0, max: 10 ** 12 - 1 });
    fc.assert(
      fc.property(tokens, price, (count, millionths) => {
        const text = `${Math.floor(millionths / 1e6)}.${String(millionths % 1e6).padStart(6, '0')}`;
        const cost = costOf(count, 0, { input: text, output: '0' });
        expect(cost).toMatch(/^\d+(\.\d{1,12})?$/);
        const [whole, fraction = ''] = cost.split('.');
        expect(BigInt(whole + fraction.padEnd(12, '0'))).toBe(BigInt(count) * BigInt(millionths));
      }),
    );
  });
});

describe('toUsage', () => {
  const FREE = { input: '0', output: '0' };

  it('takes what the provider counted', () =>
    expect(toUsage({ inputTokens: 3, outputTokens: 0 }, 'prompt', 'text', FREE)).toEqual({
      ...{ input_tokens: 3, output_tokens: 0, total_tokens: 3, cost: '0' },
    }));

  it.each([{}, { inputTokens: -1, outputTokens: NaN }])(
    'estimates where it counted nonsense or nothing: %j',
    (counted) =>
      expect(toUsage(counted, 'Hello, world!', 'Hello', FREE)).toMatchObject({ input_tokens: 4, output_tokens: 1 }),
  );

  it('makes whole numbers of others', () =>
    expect(toUsage({ inputTokens: 2.6, outputTokens: 1e300 }, '', '', FREE)).toMatchObject({
      ...{ input_tokens: 3, output_tokens: Number.MAX_SAFE_INTEGER },
    }));
});
