import { countTokens } from 'gpt-tokenizer/cjs/encoding/o200k_base';
import { ESTIMATORS, estimateTokens } from './estimator';

describe('estimateTokens', () => {
  it.each([
    ['o200k_base', 'Hello, world!', 4],
    ['chars_4', 'Hello, world!', 4],
    ['chars_4', 'abcd', 1],
    ['chars_4', 'abcde', 2],
    ['words_1.35', 'one', 1],
    ['words_1.35', ' one  two\nthree ', 4],
    ['words_1.35', '   ', 0],
  ] as const)('C32 %s of %j', (estimator, text, tokens) => expect(estimateTokens(text, estimator)).toBe(tokens));

  it.each(ESTIMATORS)('C32 %s of nothing is 0', (estimator) => expect(estimateTokens('', estimator)).toBe(0));

  it('C32 is the encoding itself for texts without endless words', () => {
    const text = `${'Ein ganz gewöhnlicher Satz, 日本語の文, emoji 👩‍👩‍👧 and code: f(x) => x ** 2;\n'.repeat(50)}`;
    expect(estimateTokens(text, 'o200k_base')).toBe(countTokens(text));
  });

  it('C32 takes control tokens for text', () =>
    expect(estimateTokens('<|endoftext|>', 'o200k_base')).toBeGreaterThan(1));

  it.each(ESTIMATORS)('C32 %s goes on in proportion beyond a million characters', (estimator) => {
    const million = 'word '.repeat(200_000);
    const twice = estimateTokens(million.repeat(2), estimator);
    expect(twice / estimateTokens(million, estimator)).toBeCloseTo(2, 1);
  });

  it.each(['a', ' ', '\n', '👩', '0', '!'])(
    'C32 a run of %j costs about as much a character as a short one',
    (character) => {
      const time = (length: number) => {
        const text = character.repeat(length);
        const since = performance.now();
        estimateTokens(text, 'o200k_base');
        return performance.now() - since;
      };
      time(10_000);
      // Ten times the length; quadratic would be a hundred times the work.
      expect(time(200_000)).toBeLessThan(50 * Math.max(time(20_000), 5));
    },
  );
});
