import { textOf, toChatContent, toShown, toStored } from './message-content';

describe('toStored', () => {
  it('F17 makes a part of a text', () =>
    expect(toStored('hi')).toEqual({ content: { type: 'text', text: 'hi' }, metadata: {} }));

  it.each([[{ type: 'image', url: 'u' }], [[{ type: 'text', text: 'x' }]], [[]], [{}], [null]])(
    'F18 C54 keeps %j',
    (content) => expect(toStored(content, { a: 1 })).toEqual({ content, metadata: { a: 1 } }),
  );

  it('C54 keeps absence', () => expect(toStored(undefined)).toEqual({ metadata: {} }));

  it('F19 moves the metadata of the content to the metadata, which wins', () => {
    const content = { type: 'text', text: 'x', metadata: { from: 'content' } };
    const bare = { type: 'text', text: 'x' };
    expect(toStored(content)).toEqual({ content: bare, metadata: { from: 'content' } });
    expect(toStored(content, { from: 'body' })).toEqual({ content: bare, metadata: { from: 'body' } });
  });

  it.each([[{ metadata: {} }], [{ metadata: 'text' }], [{ metadata: null }]])('F19 leaves %j alone', (content) =>
    expect(toStored(content)).toEqual({ content, metadata: {} }),
  );

  it('does not change what it is given', () => {
    const content = Object.freeze({ text: 'x', metadata: Object.freeze({ a: 1 }) });
    expect(() => toStored(content)).not.toThrow();
  });
});

describe('toShown', () => {
  it('F19 puts the metadata into an object, and nowhere else', () => {
    expect(toShown({ type: 'text', text: 'x' }, { a: 1 })).toEqual({ type: 'text', text: 'x', metadata: { a: 1 } });
    expect(toShown({ type: 'text', text: 'x' }, {})).toEqual({ type: 'text', text: 'x' });
    expect(toShown([{ text: 'x' }], { a: 1 })).toEqual([{ text: 'x' }]);
    expect(toShown(null, { a: 1 })).toBeNull();
  });
});

describe('toChatContent', () => {
  it.each([
    ['F31 plain text', { type: 'text', text: 'x' }, 'x'],
    ['F31 text without a type', { text: 'x' }, 'x'],
    ['F31 an object without text', { answer: 42 }, ''],
    ['F31 text among other members', { text: 'x', answer: 42 }, 'x'],
    ['C54 an empty text', { type: 'text', text: '' }, ''],
    ['C54 null', null, null],
  ])('%s', (_, content, expected) => expect(toChatContent(content)).toEqual(expected));

  it('makes an array of a part that is more than text, and keeps arrays', () => {
    const cached = { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } };
    expect(toChatContent(cached)).toEqual([cached]);
    expect(toChatContent([cached])).toEqual([cached]);
  });
});

describe('textOf', () => {
  it.each([
    ['x', 'x'],
    [{ text: 'x' }, 'x'],
    [[{ text: 'x' }, { type: 'image' }, { text: '' }, { text: 'y' }], 'x\ny'],
    [{ text: 1 }, ''],
    [null, ''],
    [undefined, ''],
  ])('of %j is %j', (content, text) => expect(textOf(content)).toBe(text));
});
