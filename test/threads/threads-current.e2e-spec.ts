import { randomUUID } from 'node:crypto';
import { world } from '../support/world';
import { TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { cloneDatabase } from '../support/world/database';

describe('The current thread', () => {
  const { app, newUser } = world();

  const currentOf = async (client: Client): Promise<string | undefined> =>
    (await client.get('/threads/current')).body.thread?.id;
  const say = (client: Client, content: string) => client.post('/messages', { role: 'user', content });
  const texts = async (client: Client, id: string): Promise<string[]> =>
    (await client.all(`/threads/${id}/messages`)).map((message) => message.content.text);

  it('F04 U16 is the thread that was created last', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    await alice.createThread('First');
    const { id } = await alice.createThread('Second');
    expect((await alice.get('/threads/current')).body).toEqual({
      thread: expect.objectContaining({ id, name: 'Second', org_id: 'acme' }),
    });
    const { data } = (await alice.post('/threads', { threads: [{ name: 'a' }, { name: 'b' }] })).body;
    expect(await currentOf(alice)).toBe(data[1].id);
    expect(await currentOf(bob)).toBeUndefined();
  });

  it('F07 C45 is set by its id; "current" is no id', async () => {
    const alice = await newUser();
    const { id } = await alice.createThread('First');
    await alice.createThread('Second');
    const response = await alice.put('/threads/current', { thread_id: id });
    expect([response.status, response.body.thread.id]).toEqual([200, id]);
    const current = await alice.get('/threads/current');
    expect([current.status, current.body.thread.id]).toEqual([200, id]);
    expect((await alice.get('/threads/current/history')).status).toBe(200);
  });

  it('F08 stays what it was when a missing thread is set', async () => {
    const [alice, bob, mallory] = [await newUser(), await newUser(), await app.as('globex', 'mallory')];
    const { id } = await alice.createThread('Mine');
    const [bobs, mallorys] = [await bob.createThread('His'), await mallory.createThread('Theirs')];
    for (const missing of [randomUUID(), bobs.id, mallorys.id]) {
      const response = await alice.put('/threads/current', { thread_id: missing });
      expectProblem(response, 404, 'THREAD_NOT_FOUND');
      expect(response.body.detail).toBe(`Thread ${missing} does not exist.`);
    }
    expectProblem(await alice.put('/threads/current', {}), 400, 'VALIDATION_FAILED');
    expect(await currentOf(alice)).toBe(id);
  });

  it('F09 is null for a new user', async () => {
    const response = await (await newUser()).get('/threads/current');
    expect([response.status, response.body]).toEqual([200, { thread: null }]);
  });

  it('F10 is null when another client deleted it', async () => {
    const alice = await newUser();
    const { id } = await alice.createThread('Shared');
    const elsewhere = alice.at((await app.second()).url);
    expect(await currentOf(elsewhere)).toBe(id);
    await elsewhere.delete(`/threads/${id}`);
    const response = await alice.get('/threads/current');
    expect([response.status, response.body]).toEqual([200, { thread: null }]);
    expectProblem(await say(alice, 'x'), 409, 'NO_ACTIVE_THREAD');
  });

  it('F15 is deleted without an id, and outlives another thread', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    const other = await alice.createThread('Other');
    const { id } = await alice.createThread('Current');
    const bobs = await bob.createThread('His');
    await alice.delete(`/threads/${other.id}`);
    expect(await currentOf(alice)).toBe(id);
    const response = await alice.delete('/threads/current');
    expect([response.status, response.body]).toEqual([200, { deleted: true, id }]);
    expect(await currentOf(alice)).toBeUndefined();
    expectProblem(await alice.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
    expect(await currentOf(bob)).toBe(bobs.id);
  });

  it('F23 F39 U18 takes the messages that name no thread', async () => {
    const alice = await newUser();
    const [one, two] = [await alice.createThread('One'), await alice.createThread('Two')];
    await alice.put('/threads/current', { thread_id: one.id });
    expect((await say(alice, 'a')).body.thread_id).toBe(one.id);
    await alice.put('/threads/current', { thread_id: two.id });
    expect((await say(alice, 'b')).body.thread_id).toBe(two.id);
    expect([await texts(alice, one.id), await texts(alice, two.id)]).toEqual([['a'], ['b']]);
    const listed = await alice.get('/messages');
    expect(listed.body.data.map((message: any) => message.thread_id)).toEqual([two.id]);
  });

  it('F23 keeps the threads of two users apart who write at once', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    const [one, two] = [await alice.createThread('Hers'), await bob.createThread('His')];
    const numbers = Array.from({ length: 20 }, (_, i) => String(i));
    await Promise.all(numbers.flatMap((n) => [say(alice, `alice ${n}`), say(bob, `bob ${n}`)]));
    expect((await texts(alice, one.id)).sort()).toEqual(numbers.map((n) => `alice ${n}`).sort());
    expect((await texts(bob, two.id)).sort()).toEqual(numbers.map((n) => `bob ${n}`).sort());
  });

  it('F24 U17 is required by the routes without an id', async () => {
    const alice = await newUser();
    const answers = [
      await say(alice, 'x'),
      await alice.get('/messages'),
      await alice.delete('/messages'),
      await alice.delete('/threads/current'),
      await alice.get('/threads/current/history'),
    ];
    for (const answer of answers) {
      expectProblem(answer, 409, 'NO_ACTIVE_THREAD');
      expect(answer.body.detail).toBe('No active thread. Create or set a thread first.');
    }
    const { id } = await alice.createThread('Now');
    const message = await say(alice, 'Hello');
    expect(message.status).toBe(201);
    expect(message.body).toMatchObject({ thread_id: id, content: { type: 'text', text: 'Hello' } });
  });

  it('F30 is cleared, and stays', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    const { id } = await alice.createThread('Full');
    const bobs = await bob.createThread('His');
    await bob.addMessage(bobs.id);
    await say(alice, 'a');
    await say(alice, 'b');
    const response = await alice.delete('/messages');
    expect([response.status, response.body]).toEqual([200, { cleared: 2 }]);
    expect((await alice.get('/threads/current')).body.thread).toMatchObject({ id, message_count: 0 });
    expect(await texts(bob, bobs.id)).toHaveLength(1);
  });

  it('F39 U21 threads switched between by one user, leak nothing', async () => {
    const alice = await newUser();
    const threads = [
      await alice.createThread('One'),
      await alice.createThread('Two'),
      await alice.createThread('Three'),
    ];
    for (const [index, count] of [2, 2, 1].entries()) {
      await alice.put('/threads/current', { thread_id: threads[index].id });
      for (let n = 0; n < count; n += 1) await say(alice, `${index}`);
    }
    const found = await Promise.all(threads.map(({ id }) => texts(alice, id)));
    expect(found).toEqual([['0', '0'], ['1', '1'], ['2']]);
  });

  it('F40 U21 is resumed after a restart of the server', async () => {
    const database = await cloneDatabase();
    try {
      const first = await TestApp.over(database);
      const alice = await first.as('acme', 'alice');
      const { id } = await alice.createThread('Du lịch');
      for (const text of ['Xin chào! Tôi muốn đi Đà Nẵng.', 'Khách sạn nào gần biển?', 'Cảm ơn 🌊'])
        await say(alice, text);
      await alice.createThread('In between');
      await first.close();

      const second = await TestApp.over(database);
      const again = await second.as('acme', 'alice');
      expect((await again.put('/threads/current', { thread_id: id })).body.thread.name).toBe('Du lịch');
      expect((await say(again, 'Tôi đã trở lại')).status).toBe(201);
      const { data } = (await again.get('/threads/current/history')).body;
      expect(data.map((message: any) => message.content)).toEqual([
        'Xin chào! Tôi muốn đi Đà Nẵng.',
        'Khách sạn nào gần biển?',
        'Cảm ơn 🌊',
        'Tôi đã trở lại',
      ]);
      expectProblem(await (await second.as('acme', 'bob')).put('/threads/current', { thread_id: id }), 404);
      await second.close();
    } finally {
      await database.drop();
    }
  });

  it('U21 clears three and keeps the thread, then deletes it; six messages over three sessions', async () => {
    const alice = await newUser();
    const { id } = await alice.createThread('Phiên làm việc');
    for (const session of [app, await app.second(), await app.second()]) {
      const client = alice.at(session.url);
      await client.put('/threads/current', { thread_id: id });
      await say(client, 'Câu hỏi');
      await client.post('/messages', { role: 'assistant', content: 'Trả lời' });
    }
    expect(await texts(alice, id)).toEqual(Array(3).fill(['Câu hỏi', 'Trả lời']).flat());
    expect((await alice.delete(`/threads/${id}/messages`)).body).toEqual({ cleared: 6 });
    expect((await alice.get(`/threads/${id}`)).body).toMatchObject({ name: 'Phiên làm việc', message_count: 0 });
    expect((await alice.delete(`/threads/${id}`)).body.deleted).toBe(true);
    expectProblem(await alice.get(`/threads/${id}`), 404, 'THREAD_NOT_FOUND');
  });
});
