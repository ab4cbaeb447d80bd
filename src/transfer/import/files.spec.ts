import { itemsOfFile } from './files';

const LIMITS = { totalBytes: Infinity, conversationBytes: 1000, nesting: 64, values: 10_000 };
const message = { role: 'user', content: 'a [bracket], a {brace} and a "quote\\', metadata: {} };
const one = { messages: [message] };

async function* inPieces(text: string, size: number): AsyncGenerator<Buffer, void> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** The lines and values of a file, or the codes of what is wrong with them. */
async function read(text: string, size = 7): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { line, read: value } of itemsOfFile(inPieces(text, size), LIMITS)) {
    try {
      found.push([line, value()]);
    } catch (error) {
      found.push([line, (error as { code?: string }).code]);
    }
  }
  return found;
}

describe('itemsOfFile', () => {
  const long = { messages: [{ ...message, content: 'x'.repeat(2000) }] };

  it.each([
    [
      'lines',
      `${JSON.stringify(one)}\n\n${JSON.stringify(one)}\r\n`,
      [
        [1, one],
        [3, one],
      ],
    ],
    [
      'lines without an end',
      `${JSON.stringify(one)}\n{}`,
      [
        [1, one],
        [2, {}],
      ],
    ],
    ['a byte order mark', `\uFEFF${JSON.stringify(one)}`, [[1, one]]],
    [
      'a broken line among others',
      `${JSON.stringify(one)}\n{"a":\n${JSON.stringify(one)}`,
      [
        [1, one],
        [2, 'INVALID_JSON'],
        [3, one],
      ],
    ],
    [
      'a line that is too long',
      `${JSON.stringify(long)}\n${JSON.stringify(one)}`,
      [
        [1, 'CONVERSATION_TOO_LARGE'],
        [2, one],
      ],
    ],
    ['one conversation over several lines', JSON.stringify(one, null, 2), [[1, one]]],
    [
      'several over several lines',
      `${JSON.stringify(one, null, 2)}\n${JSON.stringify(one, null, 2)}`,
      [
        [1, one],
        [2, one],
      ],
    ],
    [
      'an array',
      `[\n${JSON.stringify(one)},\n${JSON.stringify(one, null, 2)} ]\n`,
      [
        [1, one],
        [2, one],
      ],
    ],
    [
      'an array in one line',
      JSON.stringify([one, one]),
      [
        [1, one],
        [2, one],
      ],
    ],
    [
      'an array with a long item',
      JSON.stringify([long, one]),
      [
        [1, 'CONVERSATION_TOO_LARGE'],
        [2, one],
      ],
    ],
    ['an empty array', '[]\n', []],
    [
      'conversations',
      JSON.stringify({ conversations: [one, one] }, null, 2),
      [
        [1, one],
        [2, one],
      ],
    ],
    ['a history', JSON.stringify([message, message]), [[1, [message, message]]]],
    [
      'a history in each line',
      `${JSON.stringify([message])}\n${JSON.stringify([message])}\n`,
      [
        [1, [message]],
        [2, [message]],
      ],
    ],
    ['nothing', '', []],
    ['bytes that are no JSON', 'hello\n', [[1, 'INVALID_JSON']]],
  ])('F46 reads %s, however it arrives', async (_, text, expected) => {
    for (const size of [1, 7, 64, 100_000]) expect(await read(text, size)).toEqual(expected);
  });

  it.each([
    ['behind a whole conversation', `[${JSON.stringify(one)},{"messages":[{"role":"user","content":"2"`, 1],
    ['in a text', `[${JSON.stringify(one)},{"messages":[{"role":"user","content":"2]}]`, 1],
    ['between two', `[${JSON.stringify(one)},`, 1],
    ['in the only one', `{\n "messages": [${JSON.stringify(message)}, {"role"`, 0],
    ['in a history', `[${JSON.stringify(message)}, {"role"`, 0],
    ['with something beside its array', `[${JSON.stringify(one)}] and more`, 1],
  ])('F46 tells of a file that ends %s', async (_, text, count) => {
    for (const size of [1, 7, 100_000]) {
      const found: unknown[] = [];
      const reading = async () => {
        for await (const { read: value } of itemsOfFile(inPieces(text, size), LIMITS)) found.push(value());
      };
      await expect(reading()).rejects.toMatchObject({ code: 'INVALID_JSON' });
      expect(found).toEqual(Array(count).fill(one));
    }
  });

  it.each([
    [
      '[1, "x, [y]", null,{"messages":[]} ,true]',
      [
        [1, 1],
        [2, 'x, [y]'],
        [3, null],
        [4, { messages: [] }],
        [5, true],
      ],
    ],
    [
      '{\n"messages":[]}\nhello 7',
      [
        [1, { messages: [] }],
        [2, 'INVALID_JSON'],
        [3, 7],
      ],
    ],
  ])('F46 tells of values that are no conversations: %j', async (text, expected) => {
    for (const size of [1, 7, 100_000]) expect(await read(text, size)).toEqual(expected);
  });

  it('F46 refuses bytes that are not UTF-8', async () => {
    const found: unknown[] = [];
    async function* bytes() {
      yield Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    }
    for await (const { read: value } of itemsOfFile(bytes(), LIMITS)) found.push(value);
    expect(found).toHaveLength(1);
    expect(found[0] as () => unknown).toThrow(expect.objectContaining({ code: 'INVALID_JSON' }));
  });
});
