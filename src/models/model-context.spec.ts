import { describe as lines, textOf, toSystemText } from './model-context';

const NOTHING = { facts: {}, variables: {}, messages: [] };

describe('toSystemText', () => {
  it('is nothing for nothing', () => {
    expect(toSystemText(NOTHING)).toBeUndefined();
    expect(toSystemText({ ...NOTHING, system: '  ' })).toBeUndefined();
  });

  it('is the same whatever the order of the members', () =>
    expect(toSystemText({ ...NOTHING, facts: { b: 1, a: 'x' } })).toBe(
      toSystemText({ ...NOTHING, facts: { a: 'x', b: 1 } }),
    ));

  it('takes the instructions of the history, in their order', () => {
    const messages = [
      { role: 'system' as const, content: 'One.' },
      { role: 'user' as const, content: 'Hi' },
      { role: 'developer' as const, content: [{ type: 'text', text: 'Two.' }] },
    ];
    expect(toSystemText({ ...NOTHING, system: 'Zero.', messages })).toBe('Zero.\n\nOne.\n\nTwo.');
  });
});

describe('describe', () => {
  it('shows values on one line each', () =>
    expect(lines({ z: null, a: 'two\r\n lines', m: { x: [1] }, 'k\u2028ey': 1 })).toEqual([
      ...['a: two lines', 'k ey: 1', 'm: {"x":[1]}', 'z: null'],
    ]));
});

describe('textOf', () => {
  it.each([
    ['text', 'text'],
    [null, ''],
    [undefined, ''],
    [7, ''],
    [{ type: 'text', text: 'a' }, 'a'],
    [[{ type: 'text', text: 'a' }, { text: 'b' }, null, 'c'], 'a\nb\nc'],
    [{ type: 'refusal', refusal: 'No.' }, 'No.'],
    [[{ type: 'image_url', image_url: { url: 'http://x/secret' } }], '[image_url]'],
    [{ rows: [1] }, ''],
  ])('of %j is %j', (content, text) => expect(textOf(content)).toBe(text));
});
