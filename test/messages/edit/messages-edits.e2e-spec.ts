import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { brokenCounters } from '../../support/world/integrity';

describe('Edits of messages', () => {
  const { app, alice, mallory, someone } = world();
  const eve = someone('eve', 'member', 'globex');
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));
  afterEach(async () => expect(await brokenCounters(app.db)).toEqual([]));

  const thread = async () => (await alice.get(`/threads/${threadId}`)).body;
  const add = (message: string | object) => alice.addMessage(threadId, message);
  const list = async () => (await alice.get(`/threads/${threadId}/messages`)).body;
  const edit = (id: string, body: object, headers = {}) => alice.patch(`/messages/${id}`, body, headers);

  it('F42 changes the text; updated_at moves, created_at and the position do not', async () => {
    const messages = [await add('1'), await add('2'), await add('3')];
    const before = await thread();
    const { status, body } = await edit(messages[1].id, { content: 'two' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ seq: 2, created_at: messages[1].created_at, content: { type: 'text', text: 'two' } });
    expect(body.updated_at > messages[1].updated_at).toBe(true);
    expect((await list()).data).toEqual([messages[0], body, messages[2]]);
    const after = await thread();
    expect(after.version).toBe(before.version + 1);
    expect(after.updated_at > before.updated_at).toBe(true);
  });

  it('F42 merges metadata: null removes a key, others stay', async () => {
    const { id } = await add({ role: 'user', content: 'x', metadata: { a: 1, b: { c: 1, d: 2 } } });
    const { body } = await edit(id, { metadata: { a: null, b: { d: 3 }, e: 4 } });
    expect(body).toMatchObject({ metadata: { b: { c: 1, d: 3 }, e: 4 }, content: { text: 'x' } });
    expect(body.metadata).not.toHaveProperty('a');
    const parallel = Array.from({ length: 20 }, (_, index) => edit(id, { metadata: { [`key${index}`]: index } }));
    await Promise.all(parallel);
    expect(Object.keys((await alice.get(`/messages/${id}`)).body.metadata)).toHaveLength(22);
    expectProblem(await edit(id, { metadata: { big: 'x'.repeat(66_000) } }), 400);
  });

  it('F42 role, seq, id and unknown fields are refused', async () => {
    const { id } = await add('x');
    for (const body of [{ role: 'system' }, { seq: 5 }, { id }, { created_at: 0 }, { content: 1 }, { content: [1] }]) {
      expectProblem(await edit(id, body), 400, 'VALIDATION_FAILED');
    }
    expect((await list()).data[0]).toMatchObject({ role: 'user', content: { text: 'x' } });
  });

  it('F42 C54 content null only beside tool calls', async () => {
    const plain = await add('x');
    expectProblem(await edit(plain.id, { content: null }), 400, 'VALIDATION_FAILED');
    const tool_calls = [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const calls = await add({ role: 'assistant', content: 'x', tool_calls });
    expect((await edit(calls.id, { content: null })).body.content).toBeNull();
    expect((await edit(calls.id, { content: '' })).body.content).toEqual({ type: 'text', text: '' });
  });

  it('F42 F43 a stale version is 409, a stale If-Match 412', async () => {
    const { id } = await add('x');
    await add('y');
    expectProblem(await edit(id, { content: 'z', expected_version: 2 }), 409, 'VERSION_CONFLICT');
    expectProblem(await edit(id, { content: 'z' }, { 'if-match': '"2"' }), 412, 'PRECONDITION_FAILED');
    const headers = { 'if-match': '"2"' };
    expectProblem(await alice.delete(`/messages/${id}`, { headers }), 412, 'PRECONDITION_FAILED');
    expectProblem(await alice.delete(`/threads/${threadId}/messages`, { headers }), 412, 'PRECONDITION_FAILED');
    expect((await edit(id, { content: 'z', expected_version: 3 })).status).toBe(200);
    expect((await alice.delete(`/messages/${id}`, { headers: { 'if-match': '"4"' } })).status).toBe(200);
  });

  it('F43 C09 C13 deletes a message: gone from the list, total less one, again is 404', async () => {
    const messages = [await add('1'), await add('2'), await add('3')];
    const before = await thread();
    const answer = await alice.delete(`/messages/${messages[1].id}`);
    expect(answer).toMatchObject({ status: 200, body: { deleted: true, id: messages[1].id } });
    expect(await list()).toMatchObject({ data: [messages[0], messages[2]], total: 2 });
    expect((await thread()).updated_at > before.updated_at).toBe(true);
    const again = await alice.delete(`/messages/${messages[1].id}`);
    expectProblem(again, 404, 'MESSAGE_NOT_FOUND');
    expect(again.body.deleted).toBe(false);
    expectProblem(await alice.get(`/messages/${messages[1].id}`), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await edit(messages[1].id, { content: 'x' }), 404, 'MESSAGE_NOT_FOUND');
  });

  it('F43 C16 the number of a deleted message is not used again', async () => {
    const { id } = await add('1');
    await alice.delete(`/messages/${id}`);
    expect((await add('2')).seq).toBe(2);
  });

  it("F42 F43 strangers cannot edit or delete: 404, the same as for what isn't there", async () => {
    const message = await add('mine');
    for (const stranger of [mallory, eve]) {
      expectProblem(await stranger.patch(`/messages/${message.id}`, { content: 'x' }), 404, 'MESSAGE_NOT_FOUND');
      expectProblem(await stranger.delete(`/messages/${message.id}`), 404, 'MESSAGE_NOT_FOUND');
    }
    expect((await alice.get(`/messages/${message.id}`)).body).toEqual(message);
  });

  it('F43 two deletes at once: one 200, one 404', async () => {
    const { id } = await add('x');
    const answers = await Promise.all([1, 2].map(() => alice.delete(`/messages/${id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
  });

  it('P20 C40 token_count is the sum, after append, edit, delete and clear', async () => {
    const first = await add({ role: 'user', content: 'x', token_count: 100 });
    const second = await add('Hello, world!');
    expect((await thread()).token_count).toBe(104);
    await edit(second.id, { content: 'Hello' });
    expect((await thread()).token_count).toBe(101);
    await edit(first.id, { metadata: { a: 1 } });
    expect((await thread()).token_count).toBe(101);
    await edit(first.id, { token_count: 7 });
    expect((await thread()).token_count).toBe(8);
    await alice.delete(`/messages/${first.id}`);
    expect((await thread()).token_count).toBe(1);
    await alice.delete(`/threads/${threadId}/messages`);
    expect(await thread()).toMatchObject({ token_count: 0, total_cost: 0, message_count: 0 });
  });

  it('P21 C40 costs add up as decimals', async () => {
    const cost = async () => (await thread()).total_cost;
    const first = await add({ role: 'user', content: 'x', cost: 0.001 });
    const second = await add({ role: 'user', content: 'x', cost: '0.002' });
    expect(await cost()).toBe(0.003);
    await add({ role: 'user', content: 'x', cost: 0.1 });
    await add({ role: 'user', content: 'x', cost: 0.2 });
    expect(await cost()).toBe(0.303);
    await edit(first.id, { cost: 0.000000000001 });
    expect(await cost()).toBe(0.302000000001);
    await alice.delete(`/messages/${second.id}`);
    expect(await cost()).toBe(0.300000000001);
    for (const wrong of [-1, 'abc', '1e5x', '', null, 1e13, [1]]) {
      expectProblem(
        await alice.post(`/threads/${threadId}/messages`, { role: 'user', content: 'x', cost: wrong }),
        400,
      );
    }
  });

  it('C40 C18 everything at once leaves the counters exact', async () => {
    const second = alice.at((await app.second()).url);
    const path = `/threads/${threadId}/messages`;
    const random = (index: number) => ({ role: 'user', content: 'word '.repeat(index % 9), cost: index / 1000 });
    const ids: string[] = (
      await alice.addMessages(
        threadId,
        Array.from({ length: 60 }, (_, i) => random(i)),
      )
    ).map(({ id }) => id);
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, index) => {
        const client = index % 2 ? alice : second;
        const id = ids[(index * 7) % ids.length];
        if (index === 60 || index === 90) return client.delete(path);
        if (index % 5 === 0) return client.post(path, { messages: [random(index), random(index + 1)] });
        if (index % 5 === 1) return client.post(path, random(index));
        if (index % 5 === 2) return client.delete(`/messages/${id}`);
        return client.patch(`/messages/${id}`, { content: `edited ${index}`, cost: 0.5 });
      }),
    );
    expect(answers.filter(({ status }) => ![200, 201, 404].includes(status))).toEqual([]);
    expect(await brokenCounters(app.db)).toEqual([]);
    expect((await list()).total).toBe((await alice.all(path)).length);
  });
});
