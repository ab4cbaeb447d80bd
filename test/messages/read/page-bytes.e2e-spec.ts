import { world } from '../../support/world';
import type { Client } from '../../support/world/client';

const MB = 1024 * 1024;
const MAX = 4_000_000;
/** Escapes and the other fields of a view come on top of what is counted. */
const MAX_ANSWER = MAX + 20_000;

describe('R9 pages are bounded by bytes', () => {
  const { app, alice, thread, session } = world();
  /** One kind is stored as it is, the other in a hundredth of its size. */
  const texts = {
    plain: (n: number) =>
      `${n} ` +
      Array.from({ length: (1.5 * MB) / 8 }, (_, i) =>
        ((i * 2654435761 + n) % 4294967296).toString(16).padStart(8, '0'),
      ).join(''),
    compressed: (n: number) => `${n} ` + 'a'.repeat(1.5 * MB),
  };
  const numberOf = ({ content }: { content: any }) => Number(/^\d+/.exec(content.text ?? content)![0]);

  /** Bypasses the counting of tokens and the index of words, which are not what is measured here. */
  const fill = async (id: string, contents: string[]) => {
    await app.db.query(
      `INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at, created_by, owner_id, search)
       SELECT 'acme', $1, n, gen_random_uuid(), 'user', jsonb_build_object('type', 'text', 'text', c), now(), now(), 'alice', 'alice', ''
       FROM unnest($2::text[]) WITH ORDINALITY AS c (c, n)`,
      [id, contents],
    );
    await app.db.query(`UPDATE threads SET last_seq = $2, message_count = $2 WHERE id = $1`, [id, contents.length]);
  };

  const read = async (path: string, query: Record<string, string | number>, client: Client = alice) => {
    const { status, body, text } = await client.get(path, { query });
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(MAX_ANSWER);
    return body;
  };
  /** The numbers of a list's messages, page by page. */
  const pagesOf = async (path: string, query: Record<string, string | number>) => {
    const pages: number[][] = [];
    for (let after: string | null = null; ;) {
      const page = await read(path, after === null ? query : { ...query, after });
      pages.push(page.data.map(numberOf));
      expect(page.has_more).toBe(page.next_cursor !== null);
      if (!page.has_more) return pages;
      after = page.next_cursor;
    }
  };

  describe.each(Object.entries(texts))('%s', (_, text) => {
    let id: string;
    let path: string;
    beforeAll(async () => {
      id = await thread('Large');
      path = `/threads/${id}/messages`;
      await fill(id, [1, 2, 3, 4, 5].map(text));
    });

    it('five messages of 1.5 MB come in order over pages, in both directions, at most 4 MB at a time', async () => {
      expect(await pagesOf(path, {})).toEqual([[1, 2], [3, 4], [5]]);
      expect(await pagesOf(path, { order: 'desc' })).toEqual([[5, 4], [3, 2], [1]]);
      expect(await pagesOf(path, { limit: 1 })).toEqual([[1], [2], [3], [4], [5]]);
      expect(await pagesOf(path, { as_of: 4 })).toEqual([
        [1, 2],
        [3, 4],
      ]);
    });

    it('`last` keeps the newest', async () => {
      const page = await read(path, { last: 30 });
      expect([page.data.map(numberOf), page.has_more, page.total]).toEqual([[4, 5], true, 5]);
      expect((await read(path, { last: 2 })).data.map(numberOf)).toEqual([4, 5]);
    });

    it('a thread comes with the newest, and so do a history, a context and a search', async () => {
      expect((await read(`/threads/${id}`, {})).chat_messages?.map(numberOf) ?? [4, 5]).toEqual([4, 5]);
      const history = await read(`/threads/${id}/history`, { limit: 30 });
      expect([history.data.map(numberOf), history.has_more]).toEqual([[4, 5], true]);
      const older = await read(`/threads/${id}/history`, { limit: 30, after: history.next_cursor });
      expect(older.data.map(numberOf)).toEqual([2, 3]);
      const { messages } = await read(`/threads/${id}/context`, { window: 30 });
      expect(messages.length).toBeLessThanOrEqual(3);
      expect(numberOf(messages[messages.length - 1])).toBe(5);
      await app.db.query(`UPDATE messages SET search = 'kumquat'::tsvector WHERE thread_id = $1`, [id]);
      const found = await pagesOf('/messages/search', { q: 'kumquat', thread_id: id });
      expect(found.map((page) => page.length)).toEqual([2, 2, 1]);
      expect(found.flat().sort()).toEqual([1, 2, 3, 4, 5]);
    });

    it('so does the trash', async () => {
      const gone = await thread('Gone');
      await fill(gone, [1, 2, 3, 4, 5].map(text));
      expect((await alice.delete(`/threads/${gone}/messages`)).status).toBe(200);
      const pages = await pagesOf(`/threads/${gone}/messages/trash`, { order: 'asc' });
      expect(pages).toEqual([[1, 2], [3, 4], [5]]);
    });
  });

  it('one message comes, however large it is, and small ones beside it stay whole', async () => {
    const id = await thread('Mixed');
    await fill(
      id,
      ['1', 'a', `3 ${'x'.repeat(6 * MB)}`, '4', '5'].map((content, n) => (n === 1 ? '2 b' : content)),
    );
    const pages: number[][] = [];
    for (let after: string | undefined; ;) {
      const { body } = await alice.get(`/threads/${id}/messages`, { query: { after } });
      pages.push(body.data.map(numberOf));
      if (!body.has_more) break;
      after = body.next_cursor;
    }
    expect(pages).toEqual([[1, 2], [3], [4, 5]]);
  });

  it('the messages of a session, too', async () => {
    const id = await session('1');
    await alice.delete(`/sessions/${id}/messages`);
    const { thread_id } = (await alice.get(`/sessions/${id}`)).body;
    await fill(thread_id, [1, 2, 3, 4, 5].map(texts.compressed));
    expect(await pagesOf(`/sessions/${id}/messages`, {})).toEqual([[1, 2], [3, 4], [5]]);
    // What needs all of them gets all.
    const { body } = await alice.get(`/sessions/${id}/state`);
    expect(body.history).toHaveLength(5);
  });
});
