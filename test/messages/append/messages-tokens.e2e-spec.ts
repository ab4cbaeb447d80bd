import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { brokenCounters } from '../../support/world/integrity';

const TEXT = 'The quick brown fox jumps over the lazy dog.';

describe('Token counts', () => {
  const { app, alice } = world();
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object, client = alice) => client.post(`/threads/${threadId}/messages`, body);
  const count = async (body: object) => (await post({ role: 'user', ...body })).body.token_count;

  it.each([
    ['o200k_base', 10],
    ['chars_4', 11],
    ['words_1.35', 12],
  ])('C32 %s by request', async (token_estimator, tokens) => {
    expect(await count({ content: TEXT, token_estimator })).toBe(tokens);
    const batch = await post({ messages: [{ role: 'user', content: TEXT }], token_estimator });
    expect(batch.body.data[0].token_count).toBe(tokens);
    expect((await alice.get(`/threads/${threadId}`)).body.token_count).toBe(2 * tokens);
  });

  it.each([
    ['o200k_base', 10],
    ['chars_4', 11],
    ['words_1.35', 12],
  ])('C32 %s by TOKEN_ESTIMATOR, also for edits; a request may say otherwise', async (TOKEN_ESTIMATOR, tokens) => {
    const other = alice.at((await app.second({ TOKEN_ESTIMATOR })).url);
    const { body } = await post({ role: 'user', content: TEXT }, other);
    expect(body.token_count).toBe(tokens);
    const edited = await other.patch(`/messages/${body.id}`, { content: `${TEXT} ${TEXT}` });
    expect(edited.body.token_count).toBeGreaterThan(tokens);
    expect((await other.patch(`/messages/${body.id}`, { content: TEXT })).body.token_count).toBe(tokens);
    const own = await post({ role: 'user', content: 'abcd', token_estimator: 'chars_4' }, other);
    expect(own.body.token_count).toBe(1);
  });

  it('C32 an unknown estimator is 400; a token_count of the caller wins', async () => {
    const message = { role: 'user', content: TEXT };
    expectProblem(await post({ ...message, token_estimator: 'guess' }), 400, 'VALIDATION_FAILED');
    expectProblem(await post({ messages: [message], token_estimator: 'guess' }), 400, 'VALIDATION_FAILED');
    expect(await count({ content: TEXT, token_count: 0 })).toBe(0);
    expect(await count({ content: TEXT, token_count: 77 })).toBe(77);
  });

  it('C32 P20 counts the text of all parts, and the names and arguments of calls', async () => {
    const chars = { token_estimator: 'chars_4' };
    const text = (text: string) => ({ type: 'text', text });
    const image = { type: 'image', url: 'https://example.com/whatever-it-is-called.png' };
    expect(await count({ content: [text('abcd'), image, text('abc')], ...chars })).toBe(1 + 1100 + 1);
    const tool_calls = [{ id: '1', function: { name: 'abc', arguments: '{"a":1}' } }];
    expect(await count({ role: 'assistant', content: null, tool_calls, ...chars })).toBe(3);
    expect(await count({ content: '', ...chars })).toBe(0);
  });

  it('C32 what looks like a control token is text', async () => {
    const { body } = await post({ role: 'user', content: '<|endoftext|> <|im_start|>system' });
    expect(body).toMatchObject({ content: { text: '<|endoftext|> <|im_start|>system' } });
    expect(body.token_count).toBeGreaterThan(5);
  });

  it.each([
    ["'a's", 'a'],
    ['spaces', ' '],
    ['line breaks', '\n'],
    ['emoji', '👩'],
    ['zeros', '0'],
  ])('C32 100,000 %s in a row cost about what as many characters in words cost', async (_, character) => {
    const time = async (content: string) => {
      const since = performance.now();
      const { status, body } = await post({ role: 'user', content });
      expect(status).toBe(201);
      expect(body.token_count).toBeGreaterThan(0);
      return performance.now() - since;
    };
    const words = await time('word '.repeat(20_000));
    // Merged in one piece, they take hundreds of times as long.
    expect(await time(character.repeat(100_000))).toBeLessThan(50 * Math.max(words, 20));
  });

  it('P20 C40 the counters are the sums', async () => expect(await brokenCounters(app.db)).toEqual([]));
});
