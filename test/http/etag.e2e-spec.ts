import { byThread } from '../../src/threads/target';
import { makePrincipal } from '../../src/organizations/principal';
import { TenantDatabase, type TenantTx } from '../../src/database/door/tenant-database';
import { MessagesRepository } from '../../src/messages/read/messages.repository';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem, type Response } from '../support/world/client';

/** Rows of messages that this transaction has read from the table. */
const FETCHED = `
  SELECT (coalesce(idx_tup_fetch, 0) + seq_tup_read)::int AS fetched FROM pg_stat_xact_user_tables WHERE relname = 'messages'`;

const fetched = async (tx: TenantTx) => (await tx.query<{ fetched: number }>(FETCHED))[0].fetched;
const tagOf = ({ headers }: Response) => headers.etag as string;

describe('ETag and If-None-Match', () => {
  let app: TestApp;
  let alice: Client;
  let mallory: Client;
  let stranger: Client;
  let threadId: string;
  let sessionId: string;
  let count = 0;

  beforeAll(async () => {
    app = await startTestApp();
    alice = await app.as('acme', 'alice');
    mallory = await app.as('acme', 'mallory');
    stranger = await app.as('globex', 'alice');
  });
  beforeEach(async () => {
    ({ id: threadId } = await alice.createThread());
    await alice.addMessages(
      threadId,
      Array.from({ length: 5 }, (_, n) => ({ role: 'user', content: `message ${n}`, metadata: { n } })),
    );
    sessionId = `session-${(count += 1)}`;
    await alice.post(`/sessions/${sessionId}/messages`, { role: 'user', content: 'Hello' });
    await alice.put(`/memory/key-${count}`, { value: 'blue' });
  });
  afterAll(() => app.close());

  const ask = (path: string, tag?: string, client = alice) =>
    client.get(path, { headers: tag === undefined ? {} : { 'if-none-match': tag } });
  /** What lies under an id of ours, which is never used again. */
  const threadPaths = async (): Promise<Record<string, string>> => {
    const page = `/threads/${threadId}/messages?limit=2`;
    const { next_cursor: after } = (await ask(page)).body;
    return {
      messages: `/threads/${threadId}/messages`,
      'last messages': `/threads/${threadId}/messages?last=3`,
      'a page': page,
      'the next page': `${page}&after=${after}`,
      'newest first': `/threads/${threadId}/messages?order=desc&limit=1`,
      'as of': `/threads/${threadId}/messages?as_of=2`,
    };
  };
  /** What lies under a name, which may be used again for something else with the same versions. */
  const namedPaths = (): Record<string, string> => ({
    session: `/sessions/${sessionId}`,
    'session with messages': `/sessions/${sessionId}?include=messages`,
    'session messages': `/sessions/${sessionId}/messages`,
    memory: `/memory/key-${count}`,
  });
  const resources = async () => ({ ...(await threadPaths()), ...namedPaths() });

  it('design 5 every versioned resource carries its tag', async () => {
    for (const [name, path] of Object.entries(await resources())) {
      const answer = await ask(path);
      expect([name, answer.status, tagOf(answer)]).toEqual([name, 200, `"${answer.body.version}"`]);
    }
  });

  it('what the caller has is not sent again', async () => {
    for (const [name, path] of Object.entries(await threadPaths())) {
      const first = await ask(path);
      expect([name, first.status, tagOf(first)]).toEqual([name, 200, `"${first.body.version}"`]);
      const again = await ask(path, tagOf(first));
      expect([name, again.status, tagOf(again), again.text]).toEqual([name, 304, tagOf(first), '']);
      expect(again.headers['content-length'] ?? '0').toBe('0');
      expect((await ask(path)).body).toEqual(first.body);
    }
  });

  it('a list of tags, a weak one and * count; what is no tag of ours is only not it', async () => {
    for (const [name, path] of Object.entries(await threadPaths())) {
      const tag = tagOf(await ask(path));
      const same = [`W/${tag}`, `"0", ${tag}`, `"x",W/${tag},"y"`, `${tag},"0"`, ` ${tag} `, '*'];
      for (const given of same) expect([name, given, (await ask(path, given)).status]).toEqual([name, given, 304]);
      const number = tag.slice(1, -1);
      const other = ['', 'x', number, `"${number}`, `${number}"`, `"-${number}"`, `"${number}.0"`, `"0${tag}`, '"0"'];
      other.push('"', '""', 'W/', '"99999999999999999999999"', `w/${number}`, '"x, y"', "'1'", `"${number} "`, '**');
      for (const given of other) {
        const answer = await ask(path, given);
        expect([name, given, answer.status, tagOf(answer)]).toEqual([name, given, 200, tag]);
        expect(answer.body.version).toBe(Number(number));
      }
      const huge = Array.from({ length: 500 }, (_, n) => `"x${n}"`).join();
      expect((await ask(path, huge)).status).toBe(200);
      expect((await ask(path, `${huge},${tag}`)).status).toBe(304);
    }
  });

  it('HEAD is of the whole answer, also of one that the caller has', async () => {
    for (const [name, path] of Object.entries(await threadPaths())) {
      const got = await ask(path);
      const head = (tag: string) => alice.send('HEAD', path, { headers: { 'if-none-match': tag } });
      const [known, other] = [await head(tagOf(got)), await head('"0"')];
      expect([name, known.status, tagOf(known), known.text]).toEqual([name, 200, tagOf(got), '']);
      expect([name, other.status, tagOf(other), other.text]).toEqual([name, 200, tagOf(got), '']);
      for (const { headers } of [known, other]) expect(headers['content-length']).toBe(got.headers['content-length']);
    }
  });

  it('the tags of several headers count together', async () => {
    const tag = tagOf(await ask(`/threads/${threadId}/messages`));
    const answer = await alice.get(`/threads/${threadId}/messages`, {
      headers: { 'if-none-match': ['"0"', tag] as unknown as string },
    });
    expect(answer.status).toBe(304);
  });

  it('C19 a stranger with the right tag learns nothing: 404, as for what is not there', async () => {
    for (const [name, path] of Object.entries(await resources())) {
      const tag = tagOf(await ask(path));
      for (const client of [mallory, stranger]) {
        for (const given of [undefined, tag, '*', '"1"']) {
          const answer = await ask(path, given, client);
          expectProblem(answer, 404);
          expect([name, answer.headers.etag]).toEqual([name, undefined]);
        }
      }
      const unknown = await app.anonymous().get(path, { headers: { 'if-none-match': tag } });
      expectProblem(unknown, 401);
    }
  });

  it('C19 whoever a thread is shared with has the same tag, until it is not', async () => {
    const path = `/threads/${threadId}/messages`;
    const share = await alice.post(`/threads/${threadId}/shares`, { user_id: 'mallory', permission: 'read' });
    expect(share.status).toBe(201);
    const tag = tagOf(await ask(path, undefined, mallory));
    expect((await ask(path, tag, mallory)).status).toBe(304);
    expect((await alice.delete(`/threads/${threadId}/shares/${share.body.id}`)).status).toBe(200);
    expectProblem(await ask(path, tag, mallory), 404, 'THREAD_NOT_FOUND');
  });

  const writes: Record<string, () => Promise<Response>> = {
    append: () => alice.post(`/threads/${threadId}/messages`, { role: 'user', content: 'More' }),
    'append a batch': () => alice.post(`/threads/${threadId}/messages`, { messages: [{ role: 'user', content: 'a' }] }),
    edit: async () => alice.patch(`/messages/${await firstMessage()}`, { content: 'Edited' }),
    'patch metadata of a message': async () => alice.patch(`/messages/${await firstMessage()}`, { metadata: { n: 9 } }),
    'delete a message': async () => alice.delete(`/messages/${await firstMessage()}`),
    clear: () => alice.delete(`/threads/${threadId}/messages`),
    undo: () => alice.post(`/threads/${threadId}/undo`, {}),
    truncate: () => alice.post(`/threads/${threadId}/truncate`, { keep_last: 1 }),
    rename: () => alice.patch(`/threads/${threadId}`, { name: 'Kyoto' }),
    'patch metadata': () => alice.patch(`/threads/${threadId}`, { metadata: { city: 'Kyoto' } }),
    archive: () => alice.post(`/threads/${threadId}/archive`),
  };
  const firstMessage = async () => (await ask(`/threads/${threadId}/messages?limit=1`)).body.data[0].id as string;

  it.each(Object.keys(writes))('after "%s" there is a new tag', async (write) => {
    const paths = Object.entries(await threadPaths());
    const before = await Promise.all(paths.map(([, path]) => ask(path)));
    const written = await writes[write]();
    expect([200, 201]).toContain(written.status);
    for (const [n, [name, path]] of paths.entries()) {
      const answer = await ask(path, tagOf(before[n]));
      expect([name, answer.status]).toEqual([name, 200]);
      expect(tagOf(answer)).not.toBe(tagOf(before[n]));
      expect((await ask(path, tagOf(answer))).status).toBe(304);
    }
  });

  it('a 304 is never a lie: what changes a thread beside its version shows in no answer', async () => {
    const others: Record<string, () => Promise<Response>> = {
      share: () => alice.post(`/threads/${threadId}/shares`, { user_id: 'mallory', permission: 'read' }),
      summary: () =>
        alice.post(`/threads/${threadId}/summaries`, { start_turn: 0, end_turn: 1, content: 'Greetings.' }),
      fork: () => alice.post(`/threads/${threadId}/fork`, { name: 'Mine' }),
      current: () => alice.put('/threads/current', { thread_id: threadId }),
      read: () => alice.get(`/threads/${threadId}/context`),
    };
    for (const [write, act] of Object.entries(others)) {
      const paths = Object.entries(await resources());
      const before = await Promise.all(paths.map(([, path]) => ask(path)));
      expect([200, 201]).toContain((await act()).status);
      for (const [n, [name, path]] of paths.entries()) {
        if ((await ask(path, tagOf(before[n]))).status !== 304) continue;
        expect([write, name, (await ask(path)).body]).toEqual([write, name, before[n].body]);
      }
    }
  });

  it('a thread that comes back from the trash is the one before, or has a new tag', async () => {
    const path = `/threads/${threadId}`;
    const before = await ask(path);
    const tag = tagOf(before);
    await alice.delete(path);
    expectProblem(await ask(path, tag), 404, 'THREAD_NOT_FOUND');
    expect((await alice.post(`${path}/restore`)).status).toBe(200);
    const back = await ask(path, tag);
    if (back.status === 304) expect((await ask(path)).body).toEqual(before.body);
    else expect(tagOf(back)).not.toBe(tag);
  });

  it('a thread is sent each time: it shows whether it is a session’s, which has no version', async () => {
    const before = await ask(`/threads/${threadId}`);
    expect((await ask(`/threads/${threadId}`, tagOf(before))).body).toEqual(before.body);
  });

  it('a session and a memory are sent each time: their names may be used again for something else', async () => {
    const paths = Object.values(namedPaths());
    const before = await Promise.all(paths.map((path) => ask(path)));
    for (const [n, path] of paths.entries()) {
      expect((await ask(path, tagOf(before[n]))).body).toEqual(before[n].body);
      expect((await ask(path, '*')).status).toBe(200);
    }
    await alice.delete(`/memory/key-${count}`);
    await alice.put(`/memory/key-${count}`, { value: 'something else' });
    await alice.delete(`/sessions/${sessionId}`);
    await alice.post(`/sessions/${sessionId}/messages`, { role: 'user', content: 'Something else' });
    for (const [n, path] of paths.entries()) {
      const answer = await ask(path, tagOf(before[n]));
      // The tags are the same, what they stand for is not.
      expect([path, answer.status, tagOf(answer)]).toEqual([path, 200, tagOf(before[n])]);
      expect(answer.body).not.toEqual(before[n].body);
    }
  });

  it('on a write it is no reason to answer 304: ignored by POST and PATCH, its own meaning in PUT', async () => {
    const tag = tagOf(await ask(`/threads/${threadId}`));
    const next = `"${Number(tag.slice(1, -1)) + 1}"`;
    for (const given of [tag, next, '*', 'x']) {
      const headers = { 'if-none-match': given };
      const message = { role: 'user', content: 'Hello' };
      expect((await alice.post(`/threads/${threadId}/messages`, message, headers)).status).toBe(201);
      expect((await alice.patch(`/threads/${threadId}`, { name: given }, headers)).status).toBe(200);
      expect((await alice.post(`/threads/${threadId}/archive`, undefined, headers)).status).toBe(200);
    }
    const memory = `/memory/key-${count}`;
    const refused = await alice.put(memory, { value: 'red' }, { 'if-none-match': '*' });
    expectProblem(refused, 412, 'PRECONDITION_FAILED');
    expect(refused.body).toMatchObject({ detail: expect.stringMatching(/^If-None-Match: \* .* version 1\.$/) });
    const absent = await alice.put(`${memory}-none`, { value: 'red' }, { 'if-match': '*' });
    expectProblem(absent, 412, 'PRECONDITION_FAILED');
    expect(absent.body.detail).toMatch(/^If-Match: \* .* no such key\.$/);
    expect((await ask(memory)).body.value).toBe('blue');
    expect((await alice.put(`${memory}-new`, { value: 'red' }, { 'if-none-match': '*' })).status).toBe(201);
  });

  it('what has no version has no tag, and is always sent', async () => {
    for (const path of ['/threads', '/sessions', '/memories', '/memory', `/threads/${threadId}/history`]) {
      const answer = await ask(path, '*');
      expect([path, answer.status, tagOf(answer)]).toEqual([path, 200, undefined]);
    }
  });

  it('whoever has the version of a thread costs no message: none is read', async () => {
    const principal = makePrincipal('acme', 'alice', 'member');
    const messages = app.app.get(MessagesRepository, { strict: false });
    const { version } = (await ask(`/threads/${threadId}`)).body;
    const read = (known?: number) =>
      app.app.get(TenantDatabase, { strict: false }).read(principal, async (tx) => {
        const slice = { order: 'desc', limit: 1000, offset: 0, known } as const;
        // Counted with what the connection has not reported yet.
        const before = await fetched(tx);
        const page = await messages.listUnparsed(tx, principal, byThread(threadId), slice);
        return { ...page, rows: page?.rows.length, fetched: (await fetched(tx)) - before };
      });
    expect(await read(version)).toEqual({ total: 5, version, rows: 0, fetched: 0 });
    for (const known of [undefined, version - 1, version + 1]) {
      const page = await read(known);
      expect(page).toMatchObject({ total: 5, version, rows: 5 });
      // As many as the plan of the moment takes: autovacuum's statistics change it.
      expect(page.fetched).toBeGreaterThanOrEqual(5);
    }
  });

  it('one known version reaches the statement, several or none do not', async () => {
    const path = `/threads/${threadId}/messages`;
    const version = Number(tagOf(await ask(path)).slice(1, -1));
    const list = jest.spyOn(MessagesRepository.prototype, 'listUnparsed');
    const known = { [`"${version}"`]: version, [`"7000", "${version}"`]: undefined, x: undefined, '*': undefined };
    for (const [tag, expected] of Object.entries(known)) {
      list.mockClear();
      await ask(path, tag);
      expect(list.mock.calls.map(([, , , slice]) => slice.known)).toEqual([expected]);
    }
    list.mockRestore();
  });
});
