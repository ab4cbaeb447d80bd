import { describe as lines, oneLine } from './describe';

describe('oneLine', () => {
  it('makes one line of several, and leaves blanks within a line', () => {
    expect(oneLine(' a  b \r\n\n  c\u2028d ')).toBe('a  b c d');
    expect(lines({ b: 1, a: 'x\ny' })).toEqual(['a: x y', 'b: 1']);
  });

  it('ends also for a million blanks without a line end', () => {
    const blanks = ' '.repeat(1_000_000);
    expect(oneLine(`x${blanks}x`)).toHaveLength(1_000_002);
  });
});
