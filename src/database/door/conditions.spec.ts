import { endOfPrefix } from './conditions';

describe('endOfPrefix', () => {
  it.each([
    ['a', 'b'],
    ['user:', 'user;'],
    ['a_', 'a`'],
    ['ü', 'ý'],
    ['😀', '😁'],
    ['\ud7ff', '\ue000'],
    ['\uffff', '\u{10000}'],
    ['a\u{10ffff}', 'b'],
    ['\u{10ffff}\u{10ffff}', undefined],
  ])('C17 of %j is %j', (prefix, end) => expect(endOfPrefix(prefix)).toBe(end));
});
