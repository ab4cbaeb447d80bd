import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';

const say = (...contents: string[]) => contents.map((content) => ({ role: 'user', content }));

describe('Batches of messages', () => {
  const { alice, mallory } = world();
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object, client = alice) => client.post(`/threads/${threadId}/messages`, body);
  const contents = async () =>
    (await alice.get(`/threads/${threadId}/messages`)).body.data.map((message: any) => message.content.text);

  it('S10 P53 U47 C42 answers 201 with the count of this call, in order after what is there', async () => {
    await post({ messages: say('1', '2') });
    const { status, body } = await post({ messages: say('3', '4', '5') });
    expect(status).toBe(201);
    expect(body).toMatchObject({ success: true, message_count: 3, total: 5, version: 3 });
    expect(body.data.map((message: any) => message.seq)).toEqual([3, 4, 5]);
    expect(await contents()).toEqual(['1', '2', '3', '4', '5']);
    expect((await alice.get(`/threads/${threadId}/messages`)).body.data.slice(2)).toEqual(body.data);
  });

  it('F62 S12 one bad message refuses all of them, and says which', async () => {
    const answer = await post({ messages: [...say('1'), { role: 'wizard', content: '2' }, ...say('3')] });
    expectProblem(answer, 400, 'VALIDATION_FAILED');
    expect(answer.body.errors).toEqual([expect.objectContaining({ field: 'messages.1.role' })]);
    const missing = await post({ messages: [...say('1', '2'), { role: 'user' }] });
    expect(missing.body.errors).toEqual([expect.objectContaining({ field: 'messages.2.content' })]);
    expect((await alice.get(`/threads/${threadId}`)).body).toMatchObject({ message_count: 0, version: 1 });
  });

  it('S13 U47 an empty batch is 200 and changes nothing', async () => {
    await post({ messages: say('1') });
    const before = (await alice.get(`/threads/${threadId}`)).body;
    expect(await post({ messages: [] })).toMatchObject({
      status: 200,
      body: { data: [], success: true, message_count: 0, total: 1 },
    });
    expect((await alice.get(`/threads/${threadId}`)).body).toEqual(before);
    expectProblem(await post({ messages: [] }, mallory), 404, 'THREAD_NOT_FOUND');
  });

  it('S14 C10 a batch does not make a thread that is not there', async () => {
    const answer = await alice.post('/threads/019a0000-0000-7000-8000-000000000001/messages', { messages: say('1') });
    expectProblem(answer, 404, 'THREAD_NOT_FOUND');
  });

  it('F62 1000 messages are a batch, 1001 are too many', async () => {
    const many = say(...Array.from({ length: 1001 }, (_, index) => `${index}`));
    expectProblem(await post({ messages: many }), 400, 'TOO_MANY_ITEMS');
    expect((await post({ messages: many.slice(1) })).body).toMatchObject({ message_count: 1000, total: 1000 });
  });

  it.each([
    [{ messages: null }],
    [{ messages: 'x' }],
    [{ messages: {} }],
    [{ messages: [null] }],
    [{ messages: [[]] }],
  ])('F62 refuses %j', async (body) => expectProblem(await post(body), 400, 'VALIDATION_FAILED'));

  it('F62 refuses a batch that is a message as well, and a body that is none', async () => {
    expectProblem(await post({ messages: say('1'), role: 'user', content: '2' }), 400, 'VALIDATION_FAILED');
    expectProblem(await post([]), 400, 'VALIDATION_FAILED');
    expectProblem(await alice.post(`/threads/${threadId}/messages`), 400, 'VALIDATION_FAILED');
  });

  it('P54 U61 U62 start_seq skips what is there already', async () => {
    expect((await post({ start_seq: 0, messages: say('1', '2', '3') })).body.total).toBe(3);
    const { status, body } = await post({ start_seq: 0, messages: say('1', '2', '3', '4', '5') });
    expect(status).toBe(201);
    expect(body).toMatchObject({ message_count: 5, total: 5 });
    expect(await contents()).toEqual(['1', '2', '3', '4', '5']);
    const before = (await alice.get(`/threads/${threadId}`)).body;
    const again = await post({ start_seq: 0, messages: say('1', '2', '3', '4', '5') });
    expect(again).toMatchObject({ status: 200, body: { message_count: 5, total: 5 } });
    expect(again.body.data).toEqual(body.data);
    expect((await alice.get(`/threads/${threadId}`)).body).toEqual(before);
  });

  it('P54 U63 start_seq at the end appends, and beyond it means the end', async () => {
    await post({ start_seq: 0, messages: say('1') });
    expect((await post({ start_seq: 99, messages: say('2') })).body.total).toBe(2);
    expect((await post({ start_seq: 2, messages: say('3', '4') })).body.total).toBe(4);
    expect((await post({ start_seq: 3, messages: say('4', '5') })).body.total).toBe(5);
    expect(await contents()).toEqual(['1', '2', '3', '4', '5']);
  });

  it('P54 another message at the position is 409, and nothing is stored', async () => {
    await post({ messages: say('1', '2') });
    expectProblem(await post({ start_seq: 0, messages: say('1', 'two', '3') }), 409, 'START_SEQ_CONFLICT');
    expectProblem(await post({ start_seq: -1, messages: say('1') }), 400, 'VALIDATION_FAILED');
    expectProblem(await post({ start_seq: 0, messages: say('1') }, mallory), 404, 'THREAD_NOT_FOUND');
    expect(await contents()).toEqual(['1', '2']);
  });

  it('P54 positions count what is left after a delete', async () => {
    const { data } = (await post({ messages: say('1', '2', '3') })).body;
    await alice.delete(`/messages/${data[0].id}`);
    expect((await post({ start_seq: 0, messages: say('2', '3', '4') })).body.total).toBe(3);
    expect(await contents()).toEqual(['2', '3', '4']);
  });

  it('P54 U62 the same log sent ten times at once is stored once', async () => {
    const log = { start_seq: 0, messages: say('1', '2', '3') };
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(log)));
    expect(answers.map(({ body }) => body.total)).toEqual(Array(10).fill(3));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(await contents()).toEqual(['1', '2', '3']);
  });

  it('P54 U50 knows messages with calls, parts and null content again', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } };
    const messages = [
      { role: 'user', content: [{ type: 'text', text: 'x', annotations: [{ deep: { er: 1.5 } }] }] },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'done', metadata: { cost_info: { usd: 0.1 } } },
    ];
    await post({ start_seq: 0, messages });
    expect(await post({ start_seq: 0, messages })).toMatchObject({ status: 200, body: { total: 3 } });
  });

  it('F57 50 posts at once are 50 messages, numbered without a gap, batches in one piece', async () => {
    const batches = Array.from({ length: 50 }, (_, index) => say(`${index}.0`, `${index}.1`));
    const answers = await Promise.all(batches.map((messages) => post({ messages })));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
    const singles = await Promise.all(Array.from({ length: 50 }, (_, index) => post(say(`${index}`)[0])));
    expect(singles.map(({ body }) => body.seq).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, index) => 101 + index),
    );
    const { data } = (await alice.get(`/threads/${threadId}/messages`, { query: { limit: 1000 } })).body;
    expect(data.map((message: any) => message.seq)).toEqual(Array.from({ length: 150 }, (_, index) => index + 1));
    for (let first = 0; first < 100; first += 2) {
      const batch = data[first].content.text.split('.')[0];
      expect(data.slice(first, first + 2).map((message: any) => message.content.text)).toEqual([
        `${batch}.0`,
        `${batch}.1`,
      ]);
    }
  });
});
