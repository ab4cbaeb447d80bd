import type { PoolClient } from 'pg';
import { world } from '../support/world';
import { expectProblem, type Response } from '../support/world/client';
import { callTool, connectMcp } from '../support/world/mcp';

const SIZE = 60_000;
const filled = (part: string) => part.repeat(SIZE / part.length);

/** No value and no question makes a search of memory take more than its share of the server. */
describe('H2 what a search of memory may cost', () => {
  const { app, alice, someone } = world();
  const other = someone('alice', 'member', 'globex');

  const timeOf = async (work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };

  it('leaves the appends of another organization what they take', async () => {
    const memories = { a: filled('aaaa bbbb aaab '), b: filled('abab baba aaaa '), c: filled('aaba abba bbaa ') };
    expect((await alice.put('/memory', { memories })).status).toBe(200);
    const q = 'aaaa bbbb aabb abbb '.repeat(50).slice(0, 990);
    const { id } = await other.createThread('Elsewhere');
    const append = async () => expect((await other.addMessage(id, 'Hello')).seq).toBeGreaterThan(0);
    await append();
    const alone = await timeOf(async () => {
      for (let n = 0; n < 5; n += 1) await append();
    });
    const mcp = await connectMcp(app.url, alice);
    let isOver = false;
    const searching = Array.from({ length: 16 }, async (_, n) => {
      while (!isOver) {
        if (n % 2) await callTool(mcp, 'search_memory', { query: q });
        else expect((await alice.get('/memories/search', { query: { q } })).status).toBe(200);
      }
    });
    const beside = await timeOf(async () => {
      for (let n = 0; n < 5; n += 1) await append();
    });
    isOver = true;
    await Promise.all(searching);
    await mcp.close();
    expect(beside / alone).toBeLessThan(40);
  });

  it('is bounded also where thousands of entries are alike', async () => {
    const { rows } = await app.db.query(`SELECT count(*) FROM users WHERE org_id = 'acme' AND id = 'alice'`);
    expect(rows[0].count).toBe(1);
    const few = await app.as('acme', 'few');
    await few.put('/memory/seen', { value: 1 });
    await app.db.query(`
      INSERT INTO memories (org_id, user_id, key, value)
      SELECT 'acme', u, 'tea' || n, to_jsonb('green tea, ' || n || repeat(' black tea', 30))
      FROM generate_series(1, 3000) n, LATERAL (SELECT CASE WHEN n <= 500 THEN 'few' ELSE 'alice' END AS u) u`);
    const search = (client: typeof few, q: string) =>
      timeOf(async () => expect((await client.get('/memories/search', { query: { q } })).body.data).toHaveLength(10));
    for (const q of ['green tea', 'gren teaa', '"black tea"', 'tea or -coffee']) {
      const once = (await search(few, q)) + (await search(few, q));
      const many = Math.min(await search(alice, q), await search(alice, q));
      expect([q, many / once < 6]).toEqual([q, true]);
    }
  });

  it('finds words wherever they stand in a value, and cuts what a question has too much of', async () => {
    const user = await app.as('acme', 'deep');
    const keys = async (q: string) =>
      (await user.get('/memories/search', { query: { q } })).body.data.map(({ key }: { key: string }) => key);
    await user.put('/memory/deep', { value: { notes: `${filled('lorem ipsum ').slice(0, 50_000)} a ripe kumquat` } });
    await user.put('/memory/chain', {
      value: [`${'a_'.repeat(20_000)}\n`, 'an old\tlighthouse', { 'x.y@z': '~/'.repeat(5000) }],
    });
    await user.put('/memory/near', { value: 'kumquats, but not ripe' });
    expect(await keys('kumquat')).toEqual(['near', 'deep']);
    expect(await keys('"ripe kumquat"')).toEqual(['near', 'deep']);
    expect(await keys('lighthouses')).toEqual(['chain']);
    expect(await keys('lightouse')).toEqual([]);
    expect(await keys('kumqat')).toEqual(['near']);
    expect(await keys(`${'kumquat '.repeat(40)} ${'nowhere '.repeat(80)}`)).toEqual(['near', 'deep']);
  });

  it('finds an entry that has no words yet, as those have that an upgrade left', async () => {
    const user = await app.as('acme', 'before');
    await user.put('/memory/old', { value: 'a ripe kumquat' });
    await user.put('/memory/new', { value: 'another kumquat' });
    await app.db.query(`UPDATE memories SET words = NULL, extract = NULL WHERE user_id = 'before' AND key = 'old'`);
    for (const q of ['kumquats', 'kumqat'])
      expect(
        (await user.get('/memories/search', { query: { q } })).body.data.map(({ key }: any) => key).sort(),
      ).toEqual(['new', 'old']);
    await user.put('/memory/old', { value: 'an apple' });
    const { rows } = await app.db.query(
      `SELECT extract, words::text FROM memories WHERE user_id = 'before' AND key = 'old'`,
    );
    expect(rows).toEqual([{ extract: 'old an apple ', words: `'appl':3 'old':1` }]);
  });

  describe('while the database does not answer', () => {
    let locker: PoolClient;
    beforeEach(async () => (locker = await app.db.connect()));
    afterEach(async () => {
      await locker.query('ROLLBACK');
      locker.release();
    });

    it('two searches run at the same time on an instance, for 2 s; who waits too long gets 503 and when to come back', async () => {
      await locker.query('BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE');
      const answers: Response[] = [];
      const searches = Array.from({ length: 6 }, async () => {
        answers.push(await alice.get('/memories/search', { query: { q: 'tea' } }));
      });
      let most = 0;
      while (answers.length < 4) {
        const { rows } = await app.db.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%throughline_search_memories%'`,
        );
        most = Math.max(most, rows[0].count);
      }
      await locker.query('ROLLBACK');
      await Promise.all(searches);
      expect(most).toBe(2);
      const codes = answers.slice(0, 4).map(({ body }) => body.code);
      expect(codes.slice(0, 2)).toEqual(['SEARCH_TIMEOUT', 'SEARCH_TIMEOUT']);
      for (const [n, answer] of answers.slice(0, 4).entries()) {
        expectProblem(answer, 503, codes[n]);
        expect(answer.headers['retry-after']).toBe('1');
      }
      expect(codes.slice(2)).toEqual(['SEARCH_BUSY', 'SEARCH_BUSY']);
      expect((await alice.get('/memories/search', { query: { q: 'tea' } })).status).toBe(200);
    });
  });
});
