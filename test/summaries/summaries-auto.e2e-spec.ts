import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { eventually } from '../support/world/events';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';
import { type ModelServer, startModelServer } from '../support/servers/model-server';

const MODEL = { text: 'They spoke of hotels.' };
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ role: 'user', content: `msg-${n}` }));

describe('Summaries by themselves', () => {
  let app: TestApp;
  let models: ModelServer;
  let alice: Client;
  let id: string;

  beforeAll(async () => {
    models = await startModelServer(MODEL);
    const model = { MODEL_BASE_URL: models.url, MODEL_NAME: 'test-model', MODEL_TIMEOUT_MS: '2000' };
    app = await startTestApp({ ...model, SUMMARIZE_TOKEN_THRESHOLD: '100', SUMMARIZE_KEEP_LAST: '4' });
    alice = await app.as('acme', 'alice');
  });
  afterAll(async () => {
    expect(await brokenCounters(app.db)).toEqual([]);
    expect(await threadsWithGaps(app.db)).toEqual([]);
    await app.close();
    await models.close();
  });
  beforeEach(() => {
    models.reset();
    models.always(MODEL);
    id = randomUUID();
  });

  const open = (auto_summarize: unknown) => alice.post('/sessions', { session_id: id, auto_summarize });
  const append = (count: number, client = alice) => client.post(`/sessions/${id}/messages`, { messages: many(count) });
  const ranges = async (): Promise<[number, number][]> =>
    (await alice.get(`/sessions/${id}/summaries`)).body.data.map((each: any) => [each.start_turn, each.end_turn]);

  /** The summaries, once nothing has changed for a moment. */
  const settled = async (): Promise<[number, number][]> => {
    for (let before = ''; ;) {
      await sleep(150);
      const now = JSON.stringify([await ranges(), models.requests.length]);
      if (now === before) return ranges();
      before = now;
    }
  };

  it('P57 S45 U80 summarizes the oldest batch once there are more messages than the threshold; all of them stay', async () => {
    await append(4);
    expect((await open({ threshold: 3, batch_size: 3 })).body.auto_summarize).toEqual({ threshold: 3, batch_size: 3 });
    const { body } = await append(2);
    expect(await settled()).toEqual([[0, 3]]);
    const { data } = (await alice.get(`/sessions/${id}/summaries`)).body;
    expect(data).toMatchObject([{ content: MODEL.text, created_by: 'test-model', token_count: 5 }]);
    const content = '[user]: msg-0\n[user]: msg-1\n[user]: msg-2';
    expect(models.requests[0].body).toMatchObject({ max_tokens: 500, messages: [{}, { role: 'user', content }] });
    // What nobody has asked for changes no version: nobody's If-Match fails for it.
    expect((await alice.get(`/sessions/${id}`)).body).toMatchObject({ message_count: 6, version: body.version });
    expectProblem(await (await app.as('acme', 'bob')).get(`/sessions/${id}/summaries`), 404, 'SESSION_NOT_FOUND');
  });

  it('U81 does nothing below the threshold, or with less than a batch', async () => {
    await open({ threshold: 5, batch_size: 2 });
    await append(5);
    expect(await settled()).toEqual([]);
    id = randomUUID();
    await open({ threshold: 3, batch_size: 10 });
    await append(9);
    expect(await settled()).toEqual([]);
    expect(models.requests).toHaveLength(0);
  });

  it('U82 U83 goes on after the summaries that are there', async () => {
    await open({ threshold: 3, batch_size: 5 });
    await append(10);
    expect(await settled()).toEqual([[0, 5]]);
    id = randomUUID();
    await append(4);
    await alice.post(`/sessions/${id}/summaries`, { start_turn: 0, end_turn: 4, content: 'Mine.' });
    await open({ threshold: 3, batch_size: 5 });
    await append(8);
    expect(await settled()).toEqual([
      [0, 4],
      [4, 9],
    ]);
  });

  it('U85 makes one batch for each append, and catches up', async () => {
    await open({ threshold: 50, batch_size: 25 });
    const counts: number[] = [];
    for (const more of [10, 35, 5, 50, 400]) {
      await append(more);
      counts.push((await settled()).length);
    }
    expect(counts).toEqual([0, 0, 0, 1, 2]);
    for (let n = 0; n < 3; n += 1) await append(1);
    expect(await settled()).toEqual([0, 25, 50, 75, 100].map((start) => [start, start + 25]));
  });

  it('U84 a model that fails harms nobody: the next append makes up for it', async () => {
    await open({ threshold: 3, batch_size: 3 });
    models.always({ status: 400, message: 'no' });
    expect((await append(6)).status).toBe(201);
    expect(await settled()).toEqual([]);
    models.always({ text: '  ' });
    await append(1);
    expect(await settled()).toEqual([]);
    models.always(MODEL);
    expect((await append(1)).status).toBe(201);
    expect(await settled()).toEqual([[0, 3]]);
    expect((await alice.get(`/sessions/${id}`)).body.message_count).toBe(8);
  });

  it('delays no append while the model says nothing', async () => {
    await open({ threshold: 3, batch_size: 3 });
    models.always({ hang: true });
    await append(6);
    for (let n = 0; n < 20; n += 1) expect((await append(1)).status).toBe(201);
    // The model has not answered yet: nobody has waited for it.
    expect(models.requests.length).toBeLessThanOrEqual(1);
    expect(await ranges()).toEqual([]);
  });

  it('on two instances no batch has two summaries', async () => {
    const second = await app.second();
    await open({ threshold: 3, batch_size: 3 });
    const other = alice.at(second.url);
    await Promise.all(Array.from({ length: 20 }, (_, n) => append(3, n % 2 ? alice : other)));
    for (let n = 0; n < 20; n += 1) {
      await Promise.all([append(1), append(1, other)]);
      await settled();
    }
    const found = await ranges();
    expect(found.length).toBeGreaterThan(10);
    expect(found).toEqual(found.map((_, n) => [n * 3, n * 3 + 3]));
  });

  it('true: by tokens that have no summary, all but the newest messages', async () => {
    const { id: threadId } = await alice.createThread('A thread', { auto_summarize: true });
    const say = (tokens: number) => alice.addMessage(threadId, { role: 'user', content: 'x', token_count: tokens });
    const found = async () => (await alice.get(`/threads/${threadId}/summaries`)).body.data;
    for (let n = 0; n < 10; n += 1) await say(10);
    await sleep(300);
    expect(await found()).toEqual([]);
    await say(1);
    await eventually(async () => (await found()).length > 0);
    expect(await found()).toMatchObject([{ from_seq: 1, to_seq: 7 }]);
    await say(1);
    await sleep(300);
    expect(await found()).toHaveLength(1);
  });

  it('U103 can be changed and turned off, and refuses what makes no sense', async () => {
    const auto = { threshold: 3, batch_size: 3 };
    await open(auto);
    const patch = async (auto_summarize: unknown) => alice.patch(`/sessions/${id}`, { auto_summarize });
    expect((await patch(true)).body.auto_summarize).toBe(true);
    expect((await alice.patch(`/sessions/${id}`, { title: 'T' })).body.auto_summarize).toBe(true);
    expect((await patch(null)).body.auto_summarize).toBeNull();
    for (const wrong of [false, 3, [], {}, { threshold: 3 }, { ...auto, batch_size: 0 }, { ...auto, threshold: -1 }])
      expectProblem(await patch(wrong), 400, 'VALIDATION_FAILED');
    await append(6);
    expect(await settled()).toEqual([]);
    const thread = await alice.createThread('T', { auto_summarize: auto });
    expect(thread.auto_summarize).toEqual(auto);
    const changed = await alice.patch(`/threads/${thread.id}`, { auto_summarize: null });
    expect(changed.body).toMatchObject({ auto_summarize: null, name: 'T' });
    // A state that is saved as it was loaded changes nothing.
    await patch(auto);
    const state = (await alice.get(`/sessions/${id}/state`)).body;
    expect(state.auto_summarize).toEqual(auto);
    expect((await alice.put(`/sessions/${id}/state`, state)).body.auto_summarize).toEqual(auto);
  });
});
