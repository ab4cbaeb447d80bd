import { Tx } from '../../../src/database/door/tx';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';

const call = (id: string, args = '{}', type: string | undefined = 'function') => ({
  id,
  type,
  function: { name: 'lookup', arguments: args },
});
const calls = (...ids: string[]) => ({ role: 'assistant', content: null, tool_calls: ids.map((id) => call(id)) });
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'done' });

describe('Tool calls', () => {
  const { alice } = world();
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object) => alice.post(`/threads/${threadId}/messages`, body);
  const list = async () => (await alice.get(`/threads/${threadId}/messages`)).body.data;
  const history = async () => (await alice.get(`/threads/${threadId}/history`)).body.data;

  it('S16 S20 U138 a question, a call, its result and an answer come back as they were', async () => {
    const messages = [
      { role: 'user', content: 'When is my appointment?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ ...call('call_abc', '{"user_id": "123"}'), index: 0, extra: { kept: [1, null] } }],
      },
      { role: 'tool', tool_call_id: 'call_abc', name: 'check_appointment', content: '{"time": "10:00"}' },
      { role: 'assistant', content: 'At ten.' },
    ];
    await alice.addMessages(threadId, messages);
    expect((await list()).map((message: any) => message.seq)).toEqual([1, 2, 3, 4]);
    expect((await list())[1]).toMatchObject({ content: null, tool_calls: messages[1].tool_calls });
    expect((await list())[2]).toMatchObject({ tool_call_id: 'call_abc', name: 'check_appointment' });
    expect(await history()).toEqual(messages.map((message) => ({ ...message, metadata: {} })));
  });

  it.each([
    '{"user_id": "123"}',
    '{"b":1,  "a":2}',
    ' {"n": 1.0, "n": 2e0}\n',
    '{"big": 12345678901234567890}',
    '"\\u00e9\\/"',
    'not JSON at all',
    '',
  ])('S17 the arguments %j stay the byte-equal text', async (args) => {
    await post({ role: 'assistant', tool_calls: [call('call_1', args)] });
    expect((await history())[0].tool_calls[0].function.arguments).toBe(args);
  });

  it('S18 C54 U130 null, absent and "" are three things, in the answer, the list and the history', async () => {
    const tool_calls = [call('call_1')];
    const bodies = [
      { role: 'assistant', content: null, tool_calls },
      { role: 'assistant', tool_calls },
      { role: 'assistant', content: '', tool_calls },
    ];
    const stored = await alice.addMessages(threadId, bodies);
    const contents = [null, undefined, { type: 'text', text: '' }];
    expect(stored.map(({ content }) => content)).toEqual(contents);
    expect((await list()).map(({ content }: any) => content)).toEqual(contents);
    const chat = await history();
    expect(chat).toEqual(bodies.map((message) => ({ ...message, metadata: {} })));
    expect(['content' in chat[0], 'content' in chat[1], 'content' in stored[1]]).toEqual([true, false, false]);
  });

  it.each([
    ['S18 no content and no calls', { role: 'assistant' }],
    ['S18 content null without calls', { role: 'assistant', content: null }],
    ['S18 content null and no call', { role: 'assistant', content: null, tool_calls: [] }],
    ['S19 a result without the id of its call', { role: 'tool', content: 'x' }],
    ['S19 a result without content', { role: 'tool', tool_call_id: 'call_1' }],
    ['S19 an empty id of the call', { role: 'tool', tool_call_id: '', content: 'x' }],
    ['S16 calls of a user', { role: 'user', content: 'x', tool_calls: [call('call_1')] }],
    ['S16 a call without id', { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '' } }] }],
    ['S16 a call without function', { role: 'assistant', tool_calls: [{ id: 'call_1' }] }],
    [
      'S17 arguments that are no text',
      { role: 'assistant', tool_calls: [{ id: '1', function: { name: 'f', arguments: {} } }] },
    ],
    ['S16 calls that are no list', { role: 'assistant', tool_calls: call('call_1') }],
    ['S21 a name that is no text', { role: 'user', content: 'x', name: 1 }],
  ])('%s is 400', async (_, body) => {
    expectProblem(await post(body), 400, 'VALIDATION_FAILED');
    expect(await list()).toEqual([]);
  });

  it('S21 the name is kept; absent it is null, and not in the history', async () => {
    await alice.addMessages(threadId, [{ ...result('call_1'), name: 'check_appointment' }, result('call_1')]);
    expect((await list()).map(({ name }: any) => name)).toEqual(['check_appointment', null]);
    expect((await history()).map((message: any) => 'name' in message)).toEqual([true, false]);
  });

  it("S22 P22 C20 U130 the timestamp in ms or ISO round trips; created_at is the server's", async () => {
    const before = Date.now() - 60_000;
    const send = async (timestamp: unknown) => (await post({ role: 'user', content: 'x', timestamp })).body;
    const message = await send(1700000000000);
    expect(message.timestamp).toBe('2023-11-14T22:13:20.000Z');
    expect(Date.parse(message.created_at)).toBeGreaterThan(before);
    expect((await send('2023-11-14T23:13:20.123+01:00')).timestamp).toBe('2023-11-14T22:13:20.123Z');
    expect((await send(undefined)).timestamp).toBeNull();
    expect((await list()).map(({ timestamp }: any) => timestamp)).toEqual([
      '2023-11-14T22:13:20.000Z',
      '2023-11-14T22:13:20.123Z',
      null,
    ]);
  });

  it.each(['2999-01-01T00:00:00Z', 32503680000000, '2024-01-01T00:00:00', 'yesterday', '', -1, 1.5, {}, null])(
    'S22 C20 the timestamp %p is 400',
    async (timestamp) => expectProblem(await post({ role: 'user', content: 'x', timestamp }), 400, 'VALIDATION_FAILED'),
  );

  it('S23 a call without a type is a function', async () => {
    const { type: _, ...untyped } = call('call_1');
    await post({ role: 'assistant', tool_calls: [untyped, call('call_2', '{}', 'custom')] });
    expect((await list())[0].tool_calls.map(({ type }: any) => type)).toEqual(['function', 'custom']);
  });

  it('U50 nested metadata, parts and calls come back deep-equal', async () => {
    const metadata = { a: { b: [{ c: [1.5, true, null, 'ü', {}] }] }, finish_reason: 'stop', cost_info: { usd: 1e-7 } };
    const content = [
      { type: 'text', text: '👩‍👩‍👧' },
      { type: 'audio', data: { format: 'wav', samples: [0, -1, 2] } },
    ];
    const { body } = await post({ role: 'user', content, metadata });
    expect(body).toMatchObject({ content, metadata });
    expect((await list())[0]).toEqual(body);
  });

  it('C50 S20 without strict linkage, an unknown call is stored', async () => {
    expect((await post(result('call_nowhere'))).status).toBe(201);
  });
});

describe('Tool calls, TOOL_CALL_LINKAGE=strict', () => {
  const { app, alice } = world({ TOOL_CALL_LINKAGE: 'strict' });
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object) => alice.post(`/threads/${threadId}/messages`, body);

  it('C50 S20 takes a result after its call, in another request or in the same', async () => {
    await alice.addMessage(threadId, calls('call_1', 'call_2'));
    expect((await post(result('call_2'))).status).toBe(201);
    expect((await post(result('call_1'))).status).toBe(201);
    expect((await post({ messages: [calls('call_3'), result('call_3')] })).status).toBe(201);
  });

  it('C50 S20 refuses a result of an unknown or a later call, and the whole batch with it', async () => {
    expectProblem(await post(result('call_1')), 400, 'TOOL_CALL_UNKNOWN');
    expectProblem(await post({ messages: [result('call_1'), calls('call_1')] }), 400, 'TOOL_CALL_UNKNOWN');
    expect((await alice.get(`/threads/${threadId}`)).body).toMatchObject({ message_count: 0, version: 1 });
  });

  it("C50 another thread's call does not count, nor one that was deleted", async () => {
    const other = await alice.createThread();
    await alice.addMessage(other.id, calls('call_1'));
    expectProblem(await post(result('call_1')), 400, 'TOOL_CALL_UNKNOWN');
    const { id } = await alice.addMessage(threadId, calls('call_2'));
    await alice.delete(`/messages/${id}`);
    expectProblem(await post(result('call_2')), 400, 'TOOL_CALL_UNKNOWN');
  });

  it('C50 a batch of results asks once for all of their calls, also where some were made several times', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `call_${n}`);
    await alice.addMessage(threadId, calls(...ids));
    for (const _ of [1, 2]) await alice.addMessage(threadId, calls(...ids.slice(-100)));
    const query = jest.spyOn(Tx.prototype, 'query');
    try {
      const half = ids.slice(100).map(result);
      expect((await post({ messages: half })).status).toBe(201);
      const asked = () =>
        query.mock.calls.filter(([statement]) => JSON.stringify(statement).includes('find_tool_call'));
      expect(asked()).toHaveLength(1);
      // The newest 200 calls are those of one half.
      expect((await post({ messages: ids.map(result) })).status).toBe(201);
      expect(asked()).toHaveLength(3);
    } finally {
      query.mockRestore();
    }
    expectProblem(await post({ messages: [...ids, 'call_x'].map(result) }), 400, 'TOOL_CALL_UNKNOWN');
  });

  it('C50 a result that names its tool in the metadata needs no call; strangers get 404', async () => {
    expect((await post({ role: 'tool', content: '2', metadata: { tool_name: 'calc' } })).status).toBe(201);
    const mallory = await app.as('acme', 'mallory');
    expectProblem(await mallory.post(`/threads/${threadId}/messages`, result('call_1')), 404, 'THREAD_NOT_FOUND');
  });
});
