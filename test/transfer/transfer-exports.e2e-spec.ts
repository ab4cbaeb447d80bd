import { setTimeout as sleep } from 'node:timers/promises';
import { ExportSlots } from '../../src/transfer/export/export-slots';
import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

describe('Exports of those who share, and of many', () => {
  const { app, alice, bob } = world();
  let slots: ExportSlots;

  beforeAll(async () => {
    slots = app.app.get(ExportSlots, { strict: false });
  });
  afterEach(() => jest.restoreAllMocks());

  const untilWaiting = async (count: number) => {
    for (let looks = 0; slots.waiting !== count; looks += 1) {
      if (looks > 1000) throw new Error(`${slots.waiting} exports wait instead of ${count}`);
      await sleep(20);
    }
  };

  it('F45 C48 a reader exports what is shared with them, without the session; when it is taken back, it is 404', async () => {
    await alice.post('/sessions', { session_id: 'plan', system_prompt: 'Secret', variables: { key: 'hidden' } });
    await alice.post('/sessions/plan/messages', { role: 'user', content: 'Where to?' });
    const id = (await alice.all('/threads')).find(({ session_id }) => session_id === 'plan').id as string;
    expectProblem(await bob.get(`/threads/${id}/export`), 404, 'THREAD_NOT_FOUND');
    const shared = await alice.post(`/threads/${id}/shares`, { user_id: 'bob', permission: 'read' });
    expect(shared.status).toBe(201);

    const { status, body, text } = await bob.get(`/threads/${id}/export`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ user_id: 'alice', session: null, messages: [{ content: { text: 'Where to?' } }] });
    expect(text).not.toMatch(/Secret|hidden/);
    expect((await alice.get(`/threads/${id}/export`)).body.session).toMatchObject({ id: 'plan' });
    expect((await bob.get('/threads/export')).text).not.toContain('Where to?');
    // What comes of it is a thread of their own.
    const [copy] = (await bob.post('/threads/import', body)).body.conversations;
    expect(copy).toMatchObject({ session_id: null });
    expect((await bob.get(`/threads/${copy.thread_id}`)).body.user_id).toBe('bob');
    for (const stranger of [await app.as('acme', 'carol'), await app.as('globex', 'bob')])
      expectProblem(await stranger.get(`/threads/${id}/export`), 404, 'THREAD_NOT_FOUND');

    expect((await alice.delete(`/threads/${id}/shares/${shared.body.id}`)).status).toBe(200);
    for (const format of ['json', 'ndjson', 'markdown'])
      expectProblem(await bob.get(`/threads/${id}/export`, { query: { format } }), 404, 'THREAD_NOT_FOUND');
    expect((await bob.get(`/threads/${copy.thread_id}/export`)).status).toBe(200);
  });

  it('F45 who exports already is told to come back, in all of the ways; others are served', async () => {
    const { id } = await alice.createThread();
    await alice.post('/sessions', { session_id: 'busy' });
    const mallory = await app.as('globex', 'mallory');
    const release = await slots.take({ orgId: 'acme', userId: 'alice' });
    const take = slots.take.bind(slots);
    jest.spyOn(slots, 'take').mockImplementation((who, waiting) => take(who, { ...waiting, maxWaitMs: 1 }));
    for (const path of [`/threads/${id}/export`, '/threads/export', '/sessions/export', '/sessions/busy/export']) {
      const answer = await alice.get(path);
      expectProblem(answer, 429, 'TOO_MANY_EXPORTS');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await mallory.get('/threads/export')).status).toBe(200);
    release();
    expect((await alice.get('/threads/export')).status).toBe(200);
  });

  it('F45 who leaves while waiting leaves the queue too', async () => {
    const release = await slots.take({ orgId: 'acme', userId: 'alice' });
    const leaving = new AbortController();
    const left = fetch(`${app.url}/api/threads/export`, { headers: alice.headers, signal: leaving.signal });
    const refused = expect(left).rejects.toThrow();
    const take = alice.get('/threads/export');
    await untilWaiting(2);
    leaving.abort();
    await refused;
    await untilWaiting(1);
    release();
    expect((await take).status).toBe(200);
    await untilWaiting(0);
  });
});
