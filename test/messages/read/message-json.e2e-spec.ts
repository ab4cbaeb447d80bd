import { world } from '../../support/world';
import type { Response } from '../../support/world/client';
import { itWithConversations, readConversations } from '../../support/data/conversations';

const call = { id: 'call_"1"', type: 'function', function: { name: 'f\\', arguments: '{"a" : "\\"é\\""}' } };
const TEXTS = [
  'plain',
  '',
  '"',
  '\\',
  '\\"',
  'null',
  '{"a": 1, "b": [2, 3]}',
  '\u0001\u001f\u2028\u2029',
  'ÀÉ漢字👩‍👩‍👧\u200d',
  '\r\n\t',
];

/** Messages of every form that the API takes. */
const ODD: object[] = [
  ...TEXTS.map((content) => ({ role: 'user', content })),
  { role: 'assistant', tool_calls: [call, { ...call, id: 'call_2', extra: { metadata: [null] } }] },
  { role: 'assistant', content: null, tool_calls: [call] },
  { role: 'assistant', content: null, tool_calls: [call], metadata: { a: 1 } },
  { role: 'tool', content: 'done', tool_call_id: 'call_"1"', name: 'a "name"\\' },
  { role: 'user', content: {} },
  { role: 'user', content: {}, metadata: { a: null } },
  { role: 'user', content: { type: 'text', text: 'x' }, metadata: { '"': '\\', é: ['漢', {}] } },
  { role: 'user', content: { metadata: { inner: 1 } } },
  { role: 'user', content: { metadata: {}, text: 'x' } },
  { role: 'user', content: { metadata: 'no object', text: 'x' } },
  { role: 'user', content: { metadata: 'no object', text: 'x' }, metadata: { a: 1 } },
  { role: 'user', content: { metadata: { inner: 1 }, text: 'x' }, metadata: { outer: 2 } },
  { role: 'user', content: { deep: { metadata: { metadata: {} } }, list: [{ metadata: 1 }] }, metadata: { a: 1 } },
  { role: 'user', content: [], metadata: { a: 1 } },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'x', metadata: { a: 1 } },
      { type: 'image_url', image_url: {} },
    ],
  },
  { role: 'user', content: { 10: 'a', 9: 'b', z: 'c', a: 'd', aa: 'e' }, metadata: { 2: 'x', 1: 'y' } },
  { role: 'system', content: 'x', sender_id: 'alice', name: '', token_count: 0, cost: 0 },
  { role: 'developer', content: 'x', token_count: 2147483647, cost: '0.000000000001' },
  { role: 'user', content: 'x', cost: 999999999999.5 },
  ...[
    0,
    '1970-01-01T00:00:00Z',
    '2025-01-01T00:00:00.5Z',
    '2025-01-01T00:00:00.123+14:00',
    '1971-02-03T04:05:06.007Z',
  ].map((timestamp) => ({ role: 'user', content: 'x', timestamp })),
];

describe('Messages as the JSON of the database', () => {
  const { app, alice } = world();

  /** Every list of a thread says of each message what the message says of itself. */
  async function expectSame(threadId: string): Promise<any[]> {
    const path = `/threads/${threadId}/messages`;
    const all = await alice.all(path, { limit: 100 });
    const alone = await Promise.all(all.map(({ id }) => alice.get(`/messages/${id}`)));
    // Compared as they are written, too: the same members in the same order.
    expect(all).toEqual(alone.map(({ body }) => body));
    expect(all.map((message) => JSON.stringify(message))).toEqual(alone.map(({ body }) => JSON.stringify(body)));
    expect(await alice.all(path, { limit: 7, order: 'desc' })).toEqual([...all].reverse());
    expect((await alice.get(path, { query: { last: 3 } })).body.data).toEqual(all.slice(-3));
    expect((await alice.get(`/threads/${threadId}?include=messages`)).body.chat_messages).toEqual(all);
    return all;
  }

  /** JSON in UTF-8, as long as it says. */
  function expectJson({ headers, text }: Response): void {
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
  }

  it('F19 F21 C54 a list shows every form of message as the message alone', async () => {
    const { id } = await alice.createThread();
    const stored = await alice.addMessages(id, ODD);
    expect(await expectSame(id)).toEqual(stored);
    await app.db.query(`UPDATE messages SET created_at = date_trunc('second', created_at), updated_at = 'epoch'`);
    await expectSame(id);
  });

  it('F19 an edit shows in both', async () => {
    const { id } = await alice.createThread();
    const stored = await alice.addMessages(id, ODD);
    for (const message of stored.slice(0, 5)) {
      await alice.patch(`/messages/${message.id}`, { content: [{ type: 'text', text: '"é"' }], metadata: { '\\': 1 } });
    }
    await expectSame(id);
  });

  it('numbers keep their values', async () => {
    const { id } = await alice.createThread();
    const texts = ['1e15', '1e-7', '-0', '0.1', '1.10', '9007199254740991', '-9007199254740991', '5e-324', '1.5E+2'];
    const numbers = texts.map(Number);
    const members = `"n": [${texts.join()}]`;
    for (const raw of [
      `{"role": "user", "content": {${members}}}`,
      `{"role": "user", "content": {${members}}, "metadata": {${members}}}`,
      `{"role": "user", "content": [{${members}}], "metadata": {"cost": 1.0}}`,
    ]) {
      const headers = { 'content-type': 'application/json' };
      const { status, text } = await alice.send('POST', `/threads/${id}/messages`, { raw, headers });
      expect([status, status === 201 ? '' : text]).toEqual([201, '']);
    }
    const [first, second, third] = await expectSame(id);
    // PostgreSQL has no negative zero.
    const kept = numbers.map((number) => number + 0);
    expect(first.content.n).toEqual(kept);
    expect([second.content.n, second.content.metadata.n, second.metadata.n]).toEqual([kept, kept, kept]);
    expect(third.content[0].n).toEqual(kept);
  });

  it('is application/json in UTF-8, as long as it says, whatever it holds', async () => {
    const { id } = await alice.createThread('Ünïcode 漢字');
    await alice.addMessages(id, ODD);
    const { body } = await alice.get(`/threads/${id}/messages?last=1`);
    const paths = ['', '/messages', '/messages?last=5', '/messages?limit=0', '/history', '/context'];
    for (const path of paths) expectJson(await alice.get(`/threads/${id}${path}`));
    for (const path of [`/messages/${body.data[0].id}`, '/messages', '/threads']) expectJson(await alice.get(path));
    expectJson(await alice.post(`/threads/${id}/messages`, { role: 'user', content: '漢字' }));
    const missing = await alice.get('/messages/nothing');
    expect(missing.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(Number(missing.headers['content-length'])).toBe(Buffer.byteLength(missing.text));
  });

  it('an empty thread and an empty page are whole lists', async () => {
    const { id } = await alice.createThread();
    const empty = { data: [], has_more: false, next_cursor: null, total: 0, version: 1 };
    for (const query of [{}, { limit: 0 }, { last: 5 }, { order: 'desc' }, { offset: 3 }] as const) {
      expect((await alice.get(`/threads/${id}/messages`, { query })).body).toEqual(empty);
    }
    const missing = await (await app.as('acme', 'mallory')).get(`/threads/${id}/messages`);
    expect(missing.status).toBe(404);
  });

  it('the current thread is listed the same', async () => {
    const { id } = await alice.createThread();
    await alice.addMessages(id, ODD.slice(0, 20));
    await alice.put('/threads/current', { thread_id: id });
    expect((await alice.get('/messages')).text).toBe((await alice.get(`/threads/${id}/messages`)).text);
  });

  itWithConversations('S17 real conversations read the same in both ways', async () => {
    for (const conversation of readConversations().slice(0, 12)) {
      const { id } = await alice.createThread(conversation.id);
      await alice.addMessages(id, conversation.messages);
      expect(await expectSame(id)).toHaveLength(conversation.messages.length);
    }
  });
});
