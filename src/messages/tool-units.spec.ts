import { cutBefore, cutKeeping, unitsOf } from './tool-units';

const said = { tool_calls: null, tool_call_id: null };
const calls = (...ids: string[]) => ({
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
  tool_call_id: null,
});
const result = (id: string) => ({ tool_calls: null, tool_call_id: id });

describe('cutBefore', () => {
  it('keeps the last ones', () => {
    expect(cutBefore([said, said, said, said], 3)).toBe(1);
    expect(cutBefore([said, said], 5)).toBe(0);
    expect(cutBefore([], 5)).toBe(0);
  });

  it('C04 never splits a call from its results: the cut moves towards the end', () => {
    expect(cutBefore([said, calls('a', 'b'), result('a'), result('b'), said], 3)).toBe(4);
    expect(cutBefore([said, calls('a'), said, result('a'), said], 2)).toBe(4);
    expect(cutBefore([said, calls('a'), result('a'), calls('b'), result('b'), said], 4)).toBe(3);
  });

  it('keeps a unit whole that is longer than the limit, rather than nothing', () => {
    expect(cutBefore([said, calls('a', 'b', 'c'), result('a'), result('b'), result('c')], 2)).toBe(1);
    expect(cutBefore([calls('a'), result('a')], 1)).toBe(0);
  });

  it('takes a result without a call, and an id that is called again, as they are', () => {
    expect(cutBefore([said, result('x'), said], 2)).toBe(1);
    expect(cutBefore([calls('a'), result('a'), calls('a'), result('a')], 2)).toBe(2);
  });
});

describe('cutKeeping', () => {
  it('keeps at least so many: the cut moves towards the beginning', () => {
    expect(cutKeeping([said, said, said, said], 3)).toBe(1);
    expect(cutKeeping([said, calls('a', 'b'), result('a'), result('b'), said], 2)).toBe(1);
    expect(cutKeeping([said, calls('a'), result('a'), said], 1)).toBe(3);
  });

  it('finds no place in too few, or in one unit', () => {
    for (const messages of [[], [said], [said, said]]) expect(cutKeeping(messages, 2)).toBe(0);
    expect(cutKeeping([calls('a'), said, result('a')], 1)).toBe(0);
  });
});

describe('unitsOf', () => {
  it('puts results to the nearest call before them', () => {
    expect(unitsOf([said, calls('a', 'b'), result('b'), said, result('a')])).toEqual([0, 1, 1, 3, 1]);
    expect(unitsOf([calls('a'), result('a'), calls('a'), result('a'), result('x')])).toEqual([0, 0, 2, 2, 4]);
    const twice = [calls('a'), result('a'), result('a')];
    expect([unitsOf(twice), unitsOf(twice, true)]).toEqual([
      [0, 0, 0],
      [0, 0, 2],
    ]);
  });

  it('takes no longer than the messages are many, also where all are results of one call', () => {
    const messages = [calls('a'), ...Array.from({ length: 100_000 }, () => result('a'))];
    expect(cutBefore([...messages, said], 10)).toBe(messages.length);
  });
});
