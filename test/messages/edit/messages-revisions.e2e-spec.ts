import { randomUUID } from 'node:crypto';
import { world } from '../../support/world';
import { expectProblem } from '../../support/world/client';
import { shareThread } from '../../support/world/shares';

describe('Revisions of messages', () => {
  const { app, alice } = world({ MESSAGE_REVISION_LIMIT: '3' });
  let threadId: string;

  beforeEach(async () => ({ id: threadId } = await alice.createThread()));

  const revisions = async (id: string, query = {}): Promise<any> =>
    (await alice.get(`/messages/${id}/revisions`, { query })).body;
  const rows = async (id: string) =>
    (await app.db.query('SELECT FROM message_revisions WHERE message_id = $1', [id])).rowCount;

  it('F42 keeps what a message was before each edit, newest first', async () => {
    const message = await alice.addMessage(threadId, { role: 'user', content: 'one', cost: 0.5, metadata: { a: 1 } });
    expect(await revisions(message.id)).toMatchObject({ data: [], has_more: false });
    const second = (await alice.patch(`/messages/${message.id}`, { content: 'two', cost: 1 })).body;
    await alice.patch(`/messages/${message.id}`, { metadata: { a: 2 } });
    const { data } = await revisions(message.id);
    expect(data).toMatchObject([
      { revision: 2, content: { text: 'two' }, metadata: { a: 1 }, cost: 1, replaced_by: 'alice' },
      { revision: 1, content: { text: 'one' }, metadata: { a: 1 }, cost: 0.5, written_at: message.updated_at },
    ]);
    expect(data[0].written_at).toBe(second.updated_at);
    expect(data[1].replaced_at >= data[1].written_at).toBe(true);
    expect((await alice.get(`/messages/${message.id}`)).body).toMatchObject({
      content: { text: 'two' },
      metadata: { a: 2 },
    });
  });

  it('F42 keeps MESSAGE_REVISION_LIMIT of them, pages them, and gives no number twice', async () => {
    const { id } = await alice.addMessage(threadId, 'v1');
    for (let n = 2; n <= 7; n += 1) await alice.patch(`/messages/${id}`, { content: `v${n}` });
    const numbers = async (query = {}) =>
      (await alice.all(`/messages/${id}/revisions`, query)).map(({ revision, content }) => [revision, content.text]);
    const newest = [
      [6, 'v6'],
      [5, 'v5'],
      [4, 'v4'],
    ];
    expect(await numbers()).toEqual(newest);
    expect(await numbers({ limit: 1 })).toEqual(newest);
    expect(await numbers({ limit: 2, order: 'asc' })).toEqual([...newest].reverse());
    expect((await revisions(id, { limit: 2 })).has_more).toBe(true);
    for (const query of [{ after: 'x' }, { limit: -1 }])
      expectProblem(await alice.get(`/messages/${id}/revisions`, { query }), 400);
  });

  it('F42 a limit of 0 keeps none', async () => {
    const other = alice.at((await app.second({ MESSAGE_REVISION_LIMIT: '0' })).url);
    const { id } = await alice.addMessage(threadId, 'one');
    await alice.patch(`/messages/${id}`, { content: 'two' });
    await other.patch(`/messages/${id}`, { content: 'three' });
    expect(await rows(id)).toBe(0);
  });

  it('F42 parallel edits keep every version once', async () => {
    const { id } = await alice.addMessage(threadId, 'start');
    await Promise.all(Array.from({ length: 4 }, (_, n) => alice.patch(`/messages/${id}`, { content: `edit ${n}` })));
    const texts = (await revisions(id)).data.map(({ content }: any) => content.text);
    const now = (await alice.get(`/messages/${id}`)).body.content.text;
    expect(new Set([...texts, now]).size).toBe(4);
  });

  it('F42 a refused edit keeps nothing; who edits is named', async () => {
    const { id } = await alice.addMessage(threadId, 'one');
    expectProblem(await alice.patch(`/messages/${id}`, { metadata: { big: 'x'.repeat(66_000) } }), 400);
    expectProblem(await alice.patch(`/messages/${id}`, { content: 'x', expected_version: 99 }), 409);
    expect(await rows(id)).toBe(0);
    const admin = await app.as('acme', 'root', 'admin');
    await admin.patch(`/messages/${id}`, { content: 'two' });
    expect((await revisions(id)).data).toMatchObject([{ replaced_by: 'root' }]);
  });

  it('F42 tells those who follow the thread', async () => {
    const { id, seq } = await alice.addMessage(threadId, 'one');
    await alice.patch(`/messages/${id}`, { content: 'two' });
    await alice.delete(`/messages/${id}`);
    await alice.post(`/messages/${id}/restore`);
    const { rows: changes } = await app.db.query(
      'SELECT kind, seqs::int[] AS seqs, version FROM message_changes WHERE thread_id = $1 ORDER BY version',
      [threadId],
    );
    expect(changes).toEqual(
      ['edited', 'deleted', 'restored'].map((kind, n) => ({ kind, seqs: [seq], version: n + 3 })),
    );
  });

  it('F42 are for who may write: 404 for strangers, 403 for readers, also to edit', async () => {
    const { id } = await alice.addMessage(threadId, 'one');
    await alice.patch(`/messages/${id}`, { content: 'two' });
    const path = `/messages/${id}/revisions`;
    for (const stranger of [await app.as('acme', 'bob'), await app.as('globex', 'alice')])
      expectProblem(await stranger.get(path), 404, 'MESSAGE_NOT_FOUND');
    expectProblem(await alice.get('/messages/no-uuid/revisions'), 404, 'MESSAGE_NOT_FOUND');
    const [reader, writer] = [await app.as('acme', 'reader'), await app.as('acme', 'writer')];
    await shareThread(app, threadId, 'reader');
    await shareThread(app, threadId, 'writer', 'write');
    expectProblem(await reader.get(path), 403, 'THREAD_NOT_WRITABLE');
    expectProblem(await reader.patch(`/messages/${id}`, { content: 'x' }), 403, 'THREAD_NOT_WRITABLE');
    expect((await writer.get(path)).body.data).toHaveLength(1);
  });

  it('F42 are of this message, not of one in the trash that had its id', async () => {
    const id = randomUUID();
    await alice.addMessage(threadId, { id, role: 'user', content: 'an old secret' });
    await alice.patch(`/messages/${id}`, { content: 'harmless' });
    await alice.delete(`/messages/${id}`);
    await alice.addMessage(threadId, { id, role: 'user', content: 'new' });
    expect((await revisions(id)).data).toEqual([]);
    await alice.patch(`/messages/${id}`, { content: 'newer' });
    expect((await revisions(id)).data.map(({ content }: any) => content.text)).toEqual(['new']);
  });

  it('F43 go with a message that is erased or truncated, and come back with one that is restored', async () => {
    const edited = async (text: string): Promise<string> => {
      const { id } = await alice.addMessage(threadId, text);
      await alice.patch(`/messages/${id}`, { content: 'edited' });
      return id;
    };
    const [erased, restored, truncated] = [await edited('1'), await edited('2'), await edited('3')];
    await alice.delete(`/messages/${erased}`, { query: { erase: true } });
    await alice.delete(`/messages/${restored}`);
    expectProblem(await alice.get(`/messages/${restored}/revisions`), 404, 'MESSAGE_NOT_FOUND');
    await alice.post(`/threads/${threadId}/truncate`, { keep_last: 0 });
    await alice.post(`/messages/${restored}/restore`);
    expect([await rows(erased), await rows(restored), await rows(truncated)]).toEqual([0, 1, 0]);
    expect((await revisions(restored)).data).toHaveLength(1);
  });
});
