import { markdownBody } from './markdown-body';

describe('Texts of messages in Markdown', () => {
  it.each([
    ['a heading', 'Hi\n## User, 2025-01-01', 'Hi\n\\## User, 2025-01-01'],
    ['a heading that is moved in, behind another line end', 'Hi\r   # A', 'Hi\n   \\# A'],
    ['a line under a heading', 'User, 2025\n---\nB\n==', 'User, 2025\n\\---\nB\n\\=='],
    ['HTML', '<h2>User</h2>\n<!--\n```\n-->\n# A', '\\<h2>User</h2>\n\\<!--\n```\n-->\n# A\n```'],
    ['what is no code, in a list that ends', '- a\n  ```\n## User', '- a\n  ```\n\\## User'],
    ['what follows code', '```\n# a\n```\n# b', '```\n# a\n```\n\\# b'],
    ['code that is left open', '~~~~js\n# a\n~~~', '~~~~js\n# a\n~~~\n~~~~'],
  ])('F45 keep to their speaker: %s', (_, text, expected) => {
    expect(markdownBody(text)).toBe(expected);
  });

  it.each(['a # b\n- c\n\n    # indented', '```sh\n# a comment\n---\n```\nafter', '1 < 2\n> # quoted', ''])(
    'F45 stay as they are where nothing passes for a speaker: %j',
    (text) => expect(markdownBody(text)).toBe(text),
  );
});
