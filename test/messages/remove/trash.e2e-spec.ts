import { randomUUID } from 'node:crypto';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { brokenCounters } from '../../support/world/integrity';
import { shareThread } from '../../support/world/shares';

const ERASE = { query: { erase: true } };

describe('The trash of messages', () => {
  const { app, alice, strangers } = world({ MESSAGE_BATCH_LIMIT: '10000' });
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));
  afterEach(async () => expect(await brokenCounters(app.db)).toEqual([]));

  const path = (rest = '') => `/threads/${threadId}/messages${rest}`;
  const add = (count: number): Promise<any[]> =>
    alice.addMessages(
      threadId,
      Array.from({ length: count }, (_, n) => ({ role: 'user', content: `Message ${n + 1}`, cost: '0.001' })),
    );
  const list = () => alice.all(path(), { limit: 1000 });
  const trash = (query = {}) => alice.all(path('/trash'), query);
  const restore = (id: string, client = alice) => client.post(`/messages/${id}/restore`);
  const thread = async () => (await alice.get(`/threads/${threadId}`)).body;
  const inDatabase = async (id: string) =>
    (
      await app.db.query(
        `SELECT (SELECT count(*) FROM messages WHERE id = $1)::int AS here,
           (SELECT count(*) FROM deleted_messages WHERE id = $1)::int AS trashed,
           (SELECT count(*) FROM message_revisions WHERE message_id = $1)::int AS revisions`,
        [id],
      )
    ).rows[0];

  it('F43 a deleted message is in the trash, and comes back to its place as it was', async () => {
    const tool_calls = [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"x": 1}' } }];
    await alice.addMessages(threadId, [
      { role: 'user', content: 'Find it', sender_id: 'alice', timestamp: '2020-01-01T00:00:00Z', id: randomUUID() },
      { role: 'assistant', content: null, tool_calls, cost: 0.25, token_count: 7, metadata: { a: [null] } },
      { role: 'tool', tool_call_id: 'c1', content: { any: 'thing' } },
    ]);
    const [before, counted] = [await list(), await thread()];
    for (const message of before) await alice.delete(`/messages/${message.id}`);
    expect(await list()).toEqual([]);
    const kept = await trash();
    expect(kept.map(({ removal_id: _r, reason: _s, deleted_by: _b, deleted_at: _d, ...rest }) => rest)).toEqual(
      [...before].reverse(),
    );
    expect(kept[0]).toMatchObject({ reason: 'deleted', deleted_by: 'alice', deleted_at: expect.any(String) });
    expect(new Set(kept.map(({ removal_id }) => removal_id)).size).toBe(3);
    for (const [n, message] of before.entries()) {
      const answer = await restore(message.id);
      expect(answer).toMatchObject({ status: 200, body: before[n] });
    }
    expect(await list()).toEqual(before);
    const { message_count, token_count, total_cost } = counted;
    expect(await thread()).toMatchObject({ message_count, token_count, total_cost, version: counted.version + 6 });
    expect(await trash()).toEqual([]);
  });

  it('F43 a restore that is repeated is 200, and a write of nothing', async () => {
    const [, message] = await add(3);
    await alice.delete(`/messages/${message.id}`);
    const answers = await Promise.all(Array.from({ length: 10 }, () => restore(message.id)));
    expect(answers.map(({ status, body }) => [status, body])).toEqual(Array(10).fill([200, message]));
    const { version } = await thread();
    expect((await restore(message.id)).body).toEqual(message);
    expect((await thread()).version).toBe(version);
    for (const id of [randomUUID(), 'no-uuid']) expectProblem(await restore(id), 404, 'MESSAGE_NOT_FOUND');
  });

  it('F43 numbers and a sent id are not lost: an id in use again is 409, and stays in the trash', async () => {
    const id = randomUUID();
    const message = { id, role: 'user', content: 'Mine' };
    await alice.addMessage(threadId, message);
    await alice.delete(`/messages/${id}`);
    expect((await alice.addMessage(threadId, message)).seq).toBe(2);
    expectProblem(await restore(id), 409, 'MESSAGE_ID_IN_USE');
    expect((await alice.post(path('/restore'))).body).toMatchObject({ restored: 0, skipped: 1, total: 1 });
    expect((await alice.delete(`/messages/${id}`)).status).toBe(200);
    expect((await restore(id)).body).toMatchObject({ id, seq: 2 });
    expect((await trash()).map(({ seq }) => seq)).toEqual([1]);
    // Of several under one id only the last one comes back.
    await alice.delete(`/messages/${id}`);
    expect((await alice.post(path('/restore'))).body).toMatchObject({ restored: 1, skipped: 1 });
    expect((await list()).map(({ seq }) => seq)).toEqual([2]);
  });

  it('F43 erase=true is final at once: row, trash and revisions; also of what is in the trash', async () => {
    const [first, second, third] = await add(3);
    for (const { id } of [first, second, third]) await alice.patch(`/messages/${id}`, { content: 'edited' });
    const nothing = { here: 0, trashed: 0, revisions: 0 };
    expect((await alice.delete(`/messages/${first.id}`, ERASE)).body).toEqual({ deleted: true, id: first.id });
    expect(await inDatabase(first.id)).toEqual(nothing);
    await alice.delete(`/messages/${second.id}`);
    expect(await inDatabase(second.id)).toEqual({ here: 0, trashed: 1, revisions: 1 });
    const { version } = await thread();
    const stale = { ...ERASE, headers: { 'if-match': `"${version - 1}"` } };
    expectProblem(await alice.delete(`/messages/${second.id}`, stale), 412, 'PRECONDITION_FAILED');
    expect((await alice.delete(`/messages/${second.id}`, ERASE)).status).toBe(200);
    expect(await inDatabase(second.id)).toEqual(nothing);
    for (const { id } of [first, second]) {
      expectProblem(await alice.delete(`/messages/${id}`, ERASE), 404, 'MESSAGE_NOT_FOUND');
      expectProblem(await restore(id), 404, 'MESSAGE_NOT_FOUND');
    }
    expect(await list()).toHaveLength(1);
    expect(await inDatabase(third.id)).toEqual({ here: 1, trashed: 0, revisions: 1 });
    expectProblem(await alice.delete(`/messages/${third.id}`, { query: { erase: 'yes' } }), 400, 'VALIDATION_FAILED');
  });

  it.each(['threads', 'sessions'])(
    'C39 a clear of %s goes to the trash as one removal, and comes back',
    async (kind) => {
      const id = kind === 'threads' ? threadId : randomUUID();
      if (kind === 'sessions') threadId = (await alice.post('/sessions', { session_id: id })).body.thread_id;
      await add(5);
      await alice.delete(`/messages/${(await list())[4].id}`);
      await alice.post(`/threads/${threadId}/summaries`, { from_seq: 1, to_seq: 2, content: 'x' });
      const before = await list();
      expect((await alice.delete(`/${kind}/${id}/messages`)).body).toEqual({ cleared: 4 });
      expect(await thread()).toMatchObject({ message_count: 0, token_count: 0, total_cost: 0 });
      expect((await alice.get(`/threads/${threadId}/summaries`)).body.data).toEqual([]);
      const kept = await trash({ limit: 2 });
      expect(kept.map(({ seq, reason }) => [seq, reason])).toEqual([
        [4, 'cleared'],
        [3, 'cleared'],
        [2, 'cleared'],
        [1, 'cleared'],
        [5, 'deleted'],
      ]);
      const { removal_id } = kept[0];
      const answer = await alice.post(path('/restore'), { removal_id });
      expect(answer.body).toMatchObject({ restored: 4, skipped: 0, total: 4 });
      expect(answer.headers.etag).toBe(`"${answer.body.version}"`);
      expect(await list()).toEqual(before);
      expect((await alice.post(path('/restore'), { removal_id })).body).toMatchObject({ restored: 0, total: 4 });
      expect((await alice.post(path('/restore'))).body).toMatchObject({ restored: 1, total: 5 });
      expect((await alice.delete(`/${kind}/${id}/messages`, ERASE)).body).toEqual({ cleared: 5 });
      expect(await trash()).toEqual([]);
    },
  );

  it('C39 a clear with erase=true empties the trash too', async () => {
    const messages = await add(4);
    for (const { id } of messages) await alice.patch(`/messages/${id}`, { content: 'edited' });
    await alice.delete(`/messages/${messages[0].id}`);
    expect((await alice.delete(path(), ERASE)).body).toEqual({ cleared: 3 });
    for (const { id } of messages) expect(await inDatabase(id)).toEqual({ here: 0, trashed: 0, revisions: 0 });
    expect((await alice.delete('/messages', ERASE)).body).toEqual({ cleared: 0 });
    await add(1);
    expect((await alice.delete('/messages')).body).toEqual({ cleared: 1 });
    expect(await trash()).toHaveLength(1);
  });

  it('C40 X02 10,000 messages go and come back in one statement each', async () => {
    await add(10_000);
    const before = await thread();
    await app.db.query(
      `CREATE FUNCTION count_statements() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN INSERT INTO statements VALUES (TG_OP); RETURN NULL; END $$`,
    );
    await app.db.query('CREATE TABLE statements (op text)');
    await app.db.query(
      'CREATE TRIGGER counted AFTER INSERT OR DELETE ON messages FOR EACH STATEMENT EXECUTE FUNCTION count_statements()',
    );
    const statements = async () => (await app.db.query('SELECT op FROM statements')).rows.map(({ op }) => op as string);
    try {
      expect((await alice.delete(path())).body).toEqual({ cleared: 10_000 });
      expect(await statements()).toEqual(['DELETE']);
      expect(await thread()).toMatchObject({ message_count: 0, total_cost: 0 });
      expect((await alice.post(path('/restore'))).body).toMatchObject({ restored: 10_000, total: 10_000 });
      expect(await statements()).toEqual(['DELETE', 'INSERT']);
    } finally {
      await app.db.query('DROP TRIGGER counted ON messages');
      await app.db.query('DROP TABLE statements');
      await app.db.query('DROP FUNCTION count_statements()');
    }
    const { message_count, token_count, total_cost } = before;
    expect(await thread()).toMatchObject({ message_count, token_count, total_cost });
    const { rows } = await app.db.query(
      `SELECT kind, seqs FROM message_changes WHERE thread_id = $1 ORDER BY version`,
      [threadId],
    );
    // More than is worth a list.
    expect(rows).toEqual(Array(2).fill({ kind: 'reset', seqs: null }));
  });

  it('F43 restores check the version, take an Idempotency-Key, and know their fields', async () => {
    await add(3);
    await alice.delete(path());
    const { version } = await thread();
    const send = (body: object, headers = {}) => alice.post(path('/restore'), body, headers);
    expectProblem(await send({}, { 'if-match': `"${version - 1}"` }), 412, 'PRECONDITION_FAILED');
    expectProblem(await send({ expected_version: version - 1 }), 409, 'VERSION_CONFLICT');
    for (const body of [{ removal_id: 'x' }, { removal: randomUUID() }, []])
      expectProblem(await send(body), 400, 'VALIDATION_FAILED');
    const key = { 'idempotency-key': randomUUID() };
    const first = await send({ expected_version: version }, key);
    expect(first.body).toMatchObject({ restored: 3 });
    await alice.delete(path());
    expect((await send({ expected_version: version }, key)).body).toEqual(first.body);
    expect(await list()).toEqual([]);
    for (const query of [{ after: 'x' }, { limit: 'x' }])
      expectProblem(await alice.get(path('/trash'), { query }), 400);
  });

  it("F43 strangers see and touch nothing of it: 404, as of what isn't there", async () => {
    const [message, live] = await add(2);
    await alice.delete(`/messages/${message.id}`);
    for (const client of strangers) {
      expectProblem(await client.get(path('/trash')), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.post(path('/restore')), 404, 'THREAD_NOT_FOUND');
      expectProblem(await client.delete(path(), ERASE), 404, 'THREAD_NOT_FOUND');
      for (const { id } of [message, live]) {
        expectProblem(await restore(id, client), 404, 'MESSAGE_NOT_FOUND');
        expectProblem(await client.delete(`/messages/${id}`, ERASE), 404, 'MESSAGE_NOT_FOUND');
      }
    }
    expect(await trash()).toHaveLength(1);
  });

  it('F43 readers of a share are refused, 403; writers may do all of it but erase', async () => {
    const [message, live] = await add(2);
    await alice.delete(`/messages/${message.id}`);
    await shareThread(app, threadId, 'reader');
    await shareThread(app, threadId, 'writer', 'write');
    const [reader, writer] = [await app.as('acme', 'reader'), await app.as('acme', 'writer')];
    const refused = [
      await reader.get(path('/trash')),
      await reader.post(path('/restore')),
      await reader.delete(path()),
      await restore(message.id, reader),
      await reader.delete(`/messages/${live.id}`),
      await reader.delete(`/messages/${message.id}`, ERASE),
    ];
    for (const answer of refused) expectProblem(answer, 403, 'THREAD_NOT_WRITABLE');
    expect((await restore(message.id, writer)).status).toBe(200);
    expect((await writer.delete(path())).body).toEqual({ cleared: 2 });
    expect((await writer.get(path('/trash'))).body.data).toMatchObject([{ deleted_by: 'writer' }, {}]);
    expectProblem(await writer.delete(`/messages/${message.id}`, ERASE), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await writer.delete(path(), ERASE), 403, 'THREAD_NOT_WRITABLE');
    expect(await trash()).toHaveLength(2);
  });

  it('C40 deletes, restores, clears and appends at once lose nothing', async () => {
    const messages = await add(60);
    const other = alice.at((await app.second()).url);
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, n) => {
        const client = n % 2 ? alice : other;
        const { id } = messages[(n * 7) % messages.length];
        if (n === 75) return client.delete(path());
        if (n === 110) return client.post(path('/restore'));
        if (n % 3 === 0) return client.delete(`/messages/${id}`);
        return n % 3 === 1 ? restore(id, client) : client.post(path(), { role: 'user', content: `More ${n}` });
      }),
    );
    expect(answers.filter(({ status }) => ![200, 201, 404].includes(status))).toEqual([]);
    const added = answers.filter(({ status }) => status === 201).length;
    const left = await list();
    expect(left.length + (await trash({ limit: 1000 })).length).toBe(60 + added);
    expect((await alice.post(path('/restore'))).body).toMatchObject({ skipped: 0, total: 60 + added });
    expect((await list()).map(({ seq }) => seq)).toEqual(Array.from({ length: 60 + added }, (_, n) => n + 1));
  });

  it('C19 trims and replacements stay final, and are told to those who follow', async () => {
    await add(5);
    await alice.post(`/threads/${threadId}/truncate`, { keep_last: 3 });
    const { rows } = await app.db.query(`SELECT kind, seqs::int[] AS seqs FROM message_changes WHERE thread_id = $1`, [
      threadId,
    ]);
    expect(rows).toEqual([{ kind: 'deleted', seqs: [1, 2] }]);
    expect(await trash()).toEqual([]);
    await alice.post(`/threads/${threadId}/summarize`, { keep_last: 1, mode: 'replace' });
    const { rows: kinds } = await app.db.query(
      `SELECT kind FROM message_changes WHERE thread_id = $1 ORDER BY version`,
      [threadId],
    );
    expect(kinds).toEqual([{ kind: 'deleted' }, { kind: 'reset' }]);
    expect(await trash()).toEqual([]);
  });

  it('F43 TRASH_RETENTION_DAYS=0: every delete is final at once', async () => {
    const bare = alice.at((await app.second({ TRASH_RETENTION_DAYS: '0' })).url);
    const messages = await add(3);
    await bare.delete(`/messages/${messages[0].id}`);
    expectProblem(await restore(messages[0].id), 404, 'MESSAGE_NOT_FOUND');
    expect((await bare.delete(path())).body).toEqual({ cleared: 2 });
    expect(await trash()).toEqual([]);
  });
});
