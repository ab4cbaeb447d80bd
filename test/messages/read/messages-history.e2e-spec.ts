import { world } from '../../support/world';
import { type Client, expectProblem } from '../../support/world/client';

describe('History', () => {
  const { app, alice, mallory } = world();
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const history = (query: Record<string, string | number | undefined> = {}, client = alice) =>
    client.get(`/threads/${threadId}/history`, { query });

  it('F31 U17d U17e answers role, content and metadata, ready for a model', async () => {
    await alice.addMessage(threadId, { role: 'user', content: 'Question', metadata: { source: 'test' } });
    await alice.addMessage(threadId, { role: 'assistant', content: 'Answer' });
    expect((await history()).body).toEqual({
      data: [
        { role: 'user', content: 'Question', metadata: { source: 'test' } },
        { role: 'assistant', content: 'Answer', metadata: {} },
      ],
      has_more: false,
      next_cursor: null,
      total: 2,
    });
    expectProblem(await history({}, mallory), 404, 'THREAD_NOT_FOUND');
  });

  it('F31 an object without text is "", a part is an array of one, parts stay', async () => {
    const image = { type: 'image_url', image_url: { url: 'u' } };
    const contents = [{ answer: 42 }, { type: 'text', text: 'plain' }, image, [image, { type: 'text', text: 'x' }]];
    await alice.addMessages(
      threadId,
      contents.map((content) => ({ role: 'user', content })),
    );
    const { data } = (await history()).body;
    expect(data.map((message: any) => message.content)).toEqual(['', 'plain', [image], contents[3]]);
  });

  it('F32 F33 F34 max_tokens keeps the newest that fit, at least the last one, and nothing is lost', async () => {
    const messages = ['a', 'b', 'c'].map((letter) => ({ role: 'user', content: letter.repeat(40) }));
    await alice.post(`/threads/${threadId}/messages`, { messages, token_estimator: 'chars_4' });
    const shown = async (query: Record<string, number>) =>
      (await history(query)).body.data.map(({ content }: { content: string }) => content[0]).join('');
    expect(await shown({ max_tokens: 20 })).toBe('bc');
    expect(await shown({ max_tokens: 1 })).toBe('c');
    expect(await shown({ max_tokens: 30 })).toBe('abc');
    expect(await shown({ max_tokens: 30, max_messages: 2 })).toBe('bc');
    const cut = (await history({ max_tokens: 20 })).body;
    expect(cut).toMatchObject({ total: 3, has_more: true });
    expect(
      (await alice.get(`/threads/${threadId}/history`, { query: { after: cut.next_cursor } })).body.data,
    ).toHaveLength(1);
    expectProblem(await history({ max_tokens: 0 }), 400, 'VALIDATION_FAILED');
    expectProblem(await history({ max_tokens: 20 }, mallory), 404, 'THREAD_NOT_FOUND');
  });

  it('F34 C05 C06 a limit cuts the view to the newest, and the rest stays; 20 unless asked', async () => {
    await alice.addMessages(
      threadId,
      Array.from({ length: 25 }, (_, index) => ({ role: 'user', content: `${index}` })),
    );
    const contents = async (query = {}) => (await history(query)).body.data.map((message: any) => message.content);
    expect((await history()).body).toMatchObject({ total: 25, has_more: true });
    expect((await contents()).length).toBe(20);
    expect(await contents({ limit: 2 })).toEqual(['23', '24']);
    expect(await contents({ max_messages: 2 })).toEqual(['23', '24']);
    expect(await contents({ last_n: 2 })).toEqual(['23', '24']);
    expect((await history({ limit: 0 })).body).toMatchObject({ data: [], total: 25 });
    const { next_cursor: after } = (await history({ limit: 10 })).body;
    expect(await contents({ limit: 3, after })).toEqual(['12', '13', '14']);
    for (const query of [{ limit: -1 }, { limit: 1001 }, { max_messages: 0 }, { last_n: '1.5' }]) {
      expectProblem(await history(query), 400, 'VALIDATION_FAILED');
    }
    expect((await alice.get(`/threads/${threadId}/messages`)).body.total).toBe(25);
  });

  it('F35 U19 persist=false checks and counts, and stores nothing', async () => {
    const before = (await alice.get(`/threads/${threadId}`)).body;
    const path = `/threads/${threadId}/messages?persist=false`;
    const answer = await alice.post(path, { role: 'user', content: 'Hello, world!' });
    expect(answer).toMatchObject({ status: 200, body: { seq: 0, role: 'user', token_count: 4 } });
    const batch = await alice.post(path, { messages: [{ role: 'user', content: 'x' }] });
    expect(batch).toMatchObject({ status: 200, body: { message_count: 1, total: 0 } });
    expectProblem(await alice.get(`/messages/${answer.body.id}`), 404, 'MESSAGE_NOT_FOUND');
    expect((await history()).body.data).toEqual([]);
    expect((await alice.get(`/threads/${threadId}`)).body).toEqual(before);
    expectProblem(await alice.post(path, { role: 'user' }), 400, 'VALIDATION_FAILED');
    expectProblem(await mallory.post(path, { role: 'user', content: 'x' }), 404, 'THREAD_NOT_FOUND');
    expectProblem(await alice.post(`/threads/${threadId}/messages?persist=no`, { role: 'user', content: 'x' }), 400);
  });

  it('F36 U64 the history of the current thread is there for another instance; without one 409', async () => {
    const bob = await app.as('acme', 'bob');
    expectProblem(await bob.get('/threads/current/history'), 409, 'NO_ACTIVE_THREAD');
    const { id } = await bob.createThread();
    await bob.put('/threads/current', { thread_id: id });
    for (const content of ['1', '2', '3'])
      await bob.post('/messages', { role: 'user', content, metadata: { content } });
    const other = bob.at((await app.second()).url);
    const { body } = await other.get('/threads/current/history');
    expect(body.data).toEqual(['1', '2', '3'].map((content) => ({ role: 'user', content, metadata: { content } })));
    expect((await other.get('/threads/current/history', { query: { limit: 1 } })).body.data).toEqual([body.data[2]]);
  });

  it('F37 U19 the four roles and the name of the tool', async () => {
    await alice.addMessages(threadId, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '1 + 1?' },
      { role: 'tool', content: '2', metadata: { tool_name: 'calc' } },
      { role: 'assistant', content: 'Two.' },
    ]);
    expect((await history()).body.data).toEqual([
      { role: 'system', content: 'Be brief.', metadata: {} },
      { role: 'user', content: '1 + 1?', metadata: {} },
      { role: 'tool', content: '2', metadata: { tool_name: 'calc' } },
      { role: 'assistant', content: 'Two.', metadata: {} },
    ]);
    await alice.delete(`/threads/${threadId}/messages`);
    expect((await history()).body).toMatchObject({ data: [], total: 0 });
  });

  it('F38 format=prompt is the text, line by line', async () => {
    await alice.addMessages(threadId, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '1 + 1?' },
      { role: 'tool', content: '2', metadata: { tool_name: 'calc' } },
      { role: 'tool', content: '2', name: 'sum', tool_call_id: 'call_1' },
      { role: 'tool', content: '2', tool_call_id: 'call_1' },
      { role: 'assistant', content: [{ type: 'text', text: 'Two.' }] },
    ]);
    const prompt = (query = {}) => history({ format: 'prompt', ...query });
    const lines = ['User: 1 + 1?', 'Tool (calc): 2', 'Tool (sum): 2', 'Tool (call_1): 2', 'Assistant: Two.'];
    const answer = await prompt();
    expect(answer.text).toBe(lines.join('\n'));
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect((await prompt({ include_system: 'true' })).text).toBe(['System: Be brief.', ...lines].join('\n'));
    expect((await prompt({ last_n: 2 })).text).toBe(lines.slice(-2).join('\n'));
    expectProblem(await history({ format: 'html' }), 400, 'VALIDATION_FAILED');
    expectProblem(await history({ format: 'prompt' }, mallory), 404, 'THREAD_NOT_FOUND');
  });

  it('F38 an empty thread is an empty text', async () => {
    expect(await history({ format: 'prompt' })).toMatchObject({ status: 200, text: '' });
  });

  it('F60 F57 what one instance wrote, edited or removed, another never shows as before', async () => {
    const other = alice.at((await app.second()).url);
    const read = async (client: Client) =>
      (await client.get(`/threads/${threadId}/history`)).body.data.map((message: any) => message.content);
    for (let turn = 0; turn < 10; turn += 1) {
      const { id } = await alice.addMessage(threadId, `first ${turn}`);
      expect(await read(other)).toEqual([`first ${turn}`]);
      await other.patch(`/messages/${id}`, { content: `second ${turn}` });
      expect(await read(alice)).toEqual([`second ${turn}`]);
      await alice.delete(`/messages/${id}`);
      expect(await read(other)).toEqual([]);
    }
  });
});
