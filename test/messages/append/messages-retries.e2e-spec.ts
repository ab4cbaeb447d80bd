import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';

describe('Retries of messages', () => {
  const { app, alice, mallory, someone } = world();
  const eve = someone('eve', 'member', 'globex');
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const post = (body: object, headers = {}, client = alice) =>
    client.post(`/threads/${threadId}/messages`, body, headers);
  const say = (content: string, id = randomUUID() as string) => ({ id, role: 'user', content });
  const count = async () => (await alice.get(`/threads/${threadId}`)).body.message_count;
  const version = async () => (await alice.get(`/threads/${threadId}`)).body.version;

  it('U50 the same id and body again is the same message and 200, keys in any order', async () => {
    const body = { ...say('x'), metadata: { a: 1, b: { c: 2, d: 3 } } };
    const first = await post(body);
    expect(first).toMatchObject({ status: 201, body: { id: body.id } });
    const again = await post({ metadata: { b: { d: 3, c: 2 }, a: 1 }, content: 'x', role: 'user', id: body.id });
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect((await post({ ...body, id: body.id.toUpperCase() })).status).toBe(200);
    expect([await count(), await version()]).toEqual([1, 2]);
  });

  it('the same id with another body is 409, in the same thread and in another one', async () => {
    const body = say('x');
    await post(body);
    expectProblem(await post({ ...body, content: 'y' }), 409, 'MESSAGE_ID_CONFLICT');
    expectProblem(await post({ ...body, metadata: { a: 1 } }), 409, 'MESSAGE_ID_CONFLICT');
    const other = await alice.createThread();
    expectProblem(await alice.post(`/threads/${other.id}/messages`, body), 409, 'MESSAGE_ID_CONFLICT');
    expect(await count()).toBe(1);
  });

  it("a stranger's retry finds no thread, and an id is another organization's own matter", async () => {
    const body = say('x');
    await post(body);
    expectProblem(await post(body, {}, mallory), 404, 'THREAD_NOT_FOUND');
    expectProblem(await post(body, {}, eve), 404, 'THREAD_NOT_FOUND');
    const theirs = await eve.createThread();
    expect((await eve.post(`/threads/${theirs.id}/messages`, body)).status).toBe(201);
    expect((await eve.get(`/messages/${body.id}`)).body.thread_id).toBe(theirs.id);
    expect((await alice.get(`/messages/${body.id}`)).body.thread_id).toBe(threadId);
  });

  it.each(['', 'x', '019a', 1, null, {}, '00000000-0000-0000-0000-00000000000g'])('refuses the id %p', async (id) =>
    expectProblem(await post({ id, role: 'user', content: 'x' }), 400, 'VALIDATION_FAILED'),
  );

  it('F62 a batch again is 200; a longer one stores what is new; order and numbers stay', async () => {
    const messages = [say('1'), say('2'), say('3')];
    const first = await post({ messages: messages.slice(0, 2) });
    expect(first.status).toBe(201);
    const again = await post({ messages: messages.slice(0, 2) });
    expect(again).toMatchObject({ status: 200, body: { data: first.body.data, message_count: 2, total: 2 } });
    const longer = await post({ messages });
    expect(longer).toMatchObject({ status: 201, body: { message_count: 3, total: 3 } });
    expect(longer.body.data.map((message: any) => message.seq)).toEqual([1, 2, 3]);
  });

  it('F62 a batch with one changed message, one id twice or messages without an id is 409 as a whole', async () => {
    const known = say('1');
    await post(known);
    expectProblem(await post({ messages: [{ ...known, content: 'one' }, say('2')] }), 409, 'MESSAGE_ID_CONFLICT');
    const twice = say('2');
    expectProblem(await post({ messages: [twice, twice] }), 409, 'MESSAGE_ID_CONFLICT');
    expectProblem(await post({ messages: [known, { role: 'user', content: '2' }] }), 409, 'PARTIAL_RETRY');
    expect(await count()).toBe(1);
  });

  it('F42 a retry after an edit is still 200, and does not undo the edit', async () => {
    const body = say('before');
    await post(body);
    await alice.patch(`/messages/${body.id}`, { content: 'after' });
    const again = await post(body);
    expect(again).toMatchObject({ status: 200, body: { content: { text: 'after' } } });
    expectProblem(await post({ ...body, content: 'after' }), 409, 'MESSAGE_ID_CONFLICT');
  });

  it('F57 the same id twenty times at once is one message: one 201, nineteen 200', async () => {
    const body = say('x');
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    for (const answer of answers) expect(answer.body).toEqual(answers[0].body);
    expect(await count()).toBe(1);
  });

  it('the same Idempotency-Key replays the first answer, also twenty at once', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { role: 'user', content: 'x' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(body, headers)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 201, body: answers[0].body });
    expect(await count()).toBe(1);
  });

  it('an Idempotency-Key for another body or another thread is 422; for another user it is another key', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    await post({ role: 'user', content: 'x' }, headers);
    expectProblem(await post({ role: 'user', content: 'y' }, headers), 422, 'IDEMPOTENCY_KEY_REUSED');
    const other = await alice.createThread();
    const elsewhere = await alice.post(`/threads/${other.id}/messages`, { role: 'user', content: 'x' }, headers);
    expectProblem(elsewhere, 422, 'IDEMPOTENCY_KEY_REUSED');
    expectProblem(await post({ role: 'user', content: 'x' }, headers, mallory), 404, 'THREAD_NOT_FOUND');
    const theirs = await mallory.createThread();
    const own = await mallory.post(`/threads/${theirs.id}/messages`, { role: 'user', content: 'x' }, headers);
    expect(own.status).toBe(201);
    expect(await count()).toBe(1);
  });

  it('a request that failed leaves its Idempotency-Key free; a key of odd characters is 400', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    expectProblem(await post({ ...say('x'), expected_version: 99 }, headers), 409, 'VERSION_CONFLICT');
    expect((await post(say('x'), headers)).status).toBe(201);
    for (const key of ['', 'a b', 'x'.repeat(256)]) {
      expectProblem(await post(say('x'), { 'idempotency-key': key }), 400, 'IDEMPOTENCY_KEY_INVALID');
    }
  });

  it('C18 a stale version in the body is 409, a stale If-Match 412, both with the current one', async () => {
    await post(say('1'));
    const stale = await post({ ...say('2'), expected_version: 1 });
    expectProblem(stale, 409, 'VERSION_CONFLICT');
    expect(stale.body.current_version).toBe(2);
    expectProblem(await post({ messages: [say('2')], version: 1 }), 409, 'VERSION_CONFLICT');
    const tag = await post(say('2'), { 'if-match': '"1"' });
    expectProblem(tag, 412, 'PRECONDITION_FAILED');
    expect(tag.body.current_version).toBe(2);
    expect((await post({ ...say('2'), expected_version: 2 })).status).toBe(201);
    expect((await post(say('3'), { 'if-match': '"3"' })).status).toBe(201);
    expect((await post(say('4'), { 'if-match': '*' })).status).toBe(201);
    expectProblem(await post(say('5'), { 'if-match': 'abc' }), 400, 'BAD_REQUEST');
    expectProblem(await post({ ...say('5'), expected_version: 5 }, {}, mallory), 404, 'THREAD_NOT_FOUND');
    expect(await count()).toBe(4);
  });

  it('C18 of twenty that rest on the same version, one lands; its retry is 200 though the version went on', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) => ({ ...say(`${index}`), expected_version: 1 }));
    const answers = await Promise.all(bodies.map((body) => post(body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)]);
    const winner = bodies[answers.findIndex(({ status }) => status === 201)];
    expect((await post(winner)).status).toBe(200);
    expect(await count()).toBe(1);
  });

  /** Sends a request while the thread is locked, and runs `work` as soon as it waits for the lock. */
  async function whileWaiting<T>(request: () => Promise<T>, work: (pid: number) => unknown): Promise<T> {
    const holder = await app.db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT 1 FROM threads WHERE id = $1 FOR UPDATE', [threadId]);
      const answer = request();
      const waiting = () =>
        app.db.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      let pid: number | undefined;
      while ((pid = (await waiting()).rows.at(0)?.pid) === undefined) await sleep(10);
      await work(pid);
      await holder.query('ROLLBACK');
      return await answer;
    } finally {
      // Ends the transaction too, whatever has happened.
      holder.release(true);
    }
  }

  it('a lost answer: the client goes away, sends it again and finds it stored once', async () => {
    const body = say('lost');
    const abort = new AbortController();
    const request = () =>
      fetch(`${app.url}/api/threads/${threadId}/messages`, {
        method: 'POST',
        headers: { ...alice.headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: abort.signal,
      }).catch((error: Error) => error.name);
    expect(await whileWaiting(request, () => abort.abort())).toBe('AbortError');
    expect([200, 201]).toContain((await post(body)).status);
    expect((await post(body)).status).toBe(200);
    expect(await count()).toBe(1);
  });

  it('a lost connection to the database: the server sends it again itself, and it is stored once', async () => {
    const request = () => post({ role: 'user', content: 'x' });
    const answer = await whileWaiting(request, (pid) => app.db.query('SELECT pg_terminate_backend($1)', [pid]));
    expect(answer.status).toBe(201);
    expect((await alice.get(`/messages/${answer.body.id}`)).body).toEqual(answer.body);
    expect(await count()).toBe(1);
  });
});
