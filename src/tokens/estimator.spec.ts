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

  it.each(ESTIMATORS)('M1 C32 %s goes on in proportion beyond 64 KB', (estimator) => {
    const sentences = 'Where did we stay in Tokyo, and what did it cost? Two nights were 240 euros. ';
    const short = estimateTokens(sentences.repeat(800), estimator) / 800;
    for (const times of [1000, 13_000]) {
      const ratio = estimateTokens(sentences.repeat(times), estimator) / times / short;
      expect(Math.abs(ratio - 1)).toBeLessThan(0.02);
    }
  });

  it('M1 C32 a long text is counted all over, not only where it begins', () => {
    const [words, marks] = ['word '.repeat(60_000), '!?.,;:'.repeat(50_000)];
    const whole = estimateTokens(words + marks, 'o200k_base');
    const parts = estimateTokens(words, 'o200k_base') + estimateTokens(marks, 'o200k_base');
    expect(Math.abs(whole / parts - 1)).toBeLessThan(0.1);
  });

  it.each(['!?.,;:#$%&*+-/', 'qxzjkvwb', '的一是在不了有和', 'あいうえお', '👩👨🎉', '0123456789'])(
    'M1 a megabyte of %s takes no longer than 64 KB of it',
    (alphabet) => {
      let random = 1;
      const letters = [...alphabet];
      const some = () => letters[(random = (random * 48_271) % 0x7fffffff) % letters.length];
      const text = Array.from({ length: 300_000 }, some).join('');
      const time = (value: string) => {
        const since = performance.now();
        estimateTokens(value, 'o200k_base');
        return performance.now() - since;
      };
      time(text.slice(0, 5000));
      expect(time(text)).toBeLessThan(5 * Math.max(time(text.slice(0, 16_384)), 5));
    },
  );

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
