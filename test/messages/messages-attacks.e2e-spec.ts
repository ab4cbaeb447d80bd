import { world } from '../support/world';
import { expectProblem } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';

describe('Attacks on messages', () => {
  const { app, alice } = world();
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object) => alice.post(`/threads/${threadId}/messages`, body);
  const raw = (text: string) =>
    alice.send('POST', `/threads/${threadId}/messages`, { raw: text, headers: { 'content-type': 'application/json' } });
  const nothingStored = async () =>
    expect((await alice.get(`/threads/${threadId}`)).body).toMatchObject({ message_count: 0, version: 1 });

  it.each(['%00', 'a%00b', '%ED%A0%80', '%zz', 'x'.repeat(300), '%0A', '__proto__', 'constructor', '..%2f', "'"])(
    'C23 C46 the id %s is 400 or 404, never 500',
    async (id) => {
      const answers = [
        await alice.get(`/messages/${id}`),
        await alice.delete(`/messages/${id}`),
        await alice.patch(`/messages/${id}`, { content: 'x' }),
        await alice.get(`/threads/${id}/messages`),
        await alice.get(`/threads/${id}/history`),
        await alice.delete(`/threads/${id}/messages`),
        await alice.post(`/threads/${id}/messages`, { role: 'user', content: 'x' }),
      ];
      for (const answer of answers) expectProblem(answer, answer.status === 404 ? 404 : 400);
    },
  );

  it.each([
    ['a NUL', 'a\0b'],
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate', 'x\udfff'],
  ])('C23 %s is 400 everywhere in a message', async (_, text) => {
    const bodies: object[] = [
      { role: 'user', content: text },
      { role: 'user', content: [{ type: 'text', text: 'x', deep: [{ er: text }] }] },
      { role: 'user', content: 'x', metadata: { a: { b: [text] } } },
      { role: 'user', content: 'x', metadata: { [text]: 1 } },
      { role: 'user', content: 'x', name: text },
      { role: 'user', content: 'x', sender_id: text },
      { role: 'tool', content: 'x', tool_call_id: text },
      { role: 'assistant', tool_calls: [{ id: '1', function: { name: 'f', arguments: text } }] },
    ];
    for (const body of bodies) {
      expectProblem(await post(body), 400, 'INVALID_TEXT');
      expectProblem(await post({ messages: [{ role: 'user', content: 'fine' }, body] }), 400, 'INVALID_TEXT');
    }
    await nothingStored();
  });

  it('C23 keeps what only looks odd: pairs of surrogates, controls, directions', async () => {
    const content = "\u0001\u001f\u007f\u202e\ufeff👩‍👩‍👧 𝕏 \\u0000 %00 '; DROP TABLE messages; --";
    const { body } = await post({ role: 'user', content, metadata: { '': '', ' ': 0, "a'b": 1, $1: 2 } });
    expect((await alice.get(`/messages/${body.id}`)).body).toEqual(body);
    expect(body.content.text).toBe(content);
  });

  it.each(['9007199254740993', '-9007199254740993', '12345678901234567890', '1e400', '-1e400', '1e21'])(
    'C23 the number %s is INVALID_NUMBER wherever it stands, for it would come back as another one',
    async (number) => {
      expectProblem(await raw(`{"role":"user","content":"x","metadata":{"n":${number}}}`), 400, 'INVALID_NUMBER');
      expectProblem(await raw(`{"role":"user","content":{"deep":[{"n":${number}}]}}`), 400, 'INVALID_NUMBER');
      expectProblem(await raw(`{"role":"user","content":"x","token_count":${number}}`), 400, 'INVALID_NUMBER');
      await nothingStored();
    },
  );

  it.each(['9007199254740991', '-9007199254740991', '0.1', '1e-7', '5e-324', '1.7976931348623157', '-0.5'])(
    'U50 the number %s comes back the same',
    async (number) => {
      const { body } = await raw(`{"role":"user","content":"x","metadata":{"n":${number}}}`);
      expect((await alice.get(`/messages/${body.id}`)).body.metadata.n).toBe(Number(number));
    },
  );

  it('__proto__ is refused, and poisons nothing; constructor as a key is kept', async () => {
    for (const text of ['"metadata":{"__proto__":{"admin":true}}', '"__proto__":{"admin":true}']) {
      expectProblem(await raw(`{"role":"user","content":"x",${text}}`), 400, 'INVALID_JSON');
    }
    expect(({} as any).admin).toBeUndefined();
    const metadata = { constructor: 'Bob the builder', toString: 1, hasOwnProperty: null, nested: { constructor: 1 } };
    const { status, body } = await post({ role: 'user', content: { constructor: 'x' }, metadata });
    expect(status).toBe(201);
    expect((await alice.get(`/messages/${body.id}`)).body.metadata).toEqual(metadata);
    expect(body.content.constructor).toBe('x');
  });

  it('nesting to 64 levels is kept, deeper is 400', async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    expect((await raw(`{"role":"user","content":"x","metadata":${nested(60)}}`)).status).toBe(201);
    for (const depth of [65, 5000]) {
      expectProblem(await raw(`{"role":"user","content":"x","metadata":${nested(depth)}}`), 400, 'TOO_DEEP');
      expectProblem(await raw(`{"role":"user","content":${nested(depth)}}`), 400, 'TOO_DEEP');
    }
  });

  it('metadata beyond 64 KB is 400, a body beyond 10 MB is 413', async () => {
    const big = { big: 'x'.repeat(65_536) };
    expectProblem(await post({ role: 'user', content: 'x', metadata: big }), 400);
    expectProblem(await post({ role: 'user', content: { type: 'text', text: 'x', metadata: big } }), 400);
    expectProblem(await post({ role: 'user', content: 'x'.repeat(10 * 1024 * 1024) }), 413, 'BODY_TOO_LARGE');
    await nothingStored();
  });

  it('unknown fields are 400; names and ids have their lengths', async () => {
    const message = { role: 'user', content: 'x' };
    for (const extra of [{ seq: 7 }, { org_id: 'globex' }, { thread_id: threadId }, { created_at: 0 }, { total: 1 }]) {
      expectProblem(await post({ ...message, ...extra }), 400, 'VALIDATION_FAILED');
    }
    const long = 'x'.repeat(256);
    for (const [field, status] of Object.entries({ name: 201, sender_id: 403, tool_call_id: 201 })) {
      expectProblem(await post({ ...message, [field]: long }), 400, 'VALIDATION_FAILED');
      // Of a member, no sender of another name is taken (A01).
      expect((await post({ ...message, [field]: long.slice(1) })).status).toBe(status);
    }
  });

  it.each([-1, 1.5, 2 ** 31, '5x', null, [1], {}])('P20 the token_count %p is 400', async (token_count) =>
    expectProblem(await post({ role: 'user', content: 'x', token_count }), 400, 'VALIDATION_FAILED'),
  );

  it('C40 what was attacked still adds up', async () => expect(await brokenCounters(app.db)).toEqual([]));
});
