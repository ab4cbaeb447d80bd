import type { PoolClient } from 'pg';
import { world } from '../support/world';
import { expectProblem, type Response } from '../support/world/client';

type Query = Record<string, string | number>;

/** No question and no text makes a search take more than its share of the server. */
describe('What a search may cost', () => {
  const { app, alice } = world();
  let thread: string;

  const search = async (query: Query) => {
    const { status, body, text } = await alice.get('/messages/search', { query: { thread_id: thread, ...query } });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body.data;
  };
  const say = (content: string) => alice.addMessage(thread, content);
  const timeOf = async (work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };

  beforeEach(async () => (thread = (await alice.createThread('Costs')).id));

  it('F49 extracts of long texts full of the words cost what indexing these texts costs', async () => {
    for (let n = 0; n < 20; n += 1) await say('foo bar '.repeat(12_000));
    const indexing = await timeOf(() =>
      app.db.query(
        `SELECT length(throughline_message_document('english', content, NULL, NULL)) FROM messages WHERE thread_id = $1`,
        [thread],
      ),
    );
    for (const q of [
      'foo bar',
      '"bar foo bar foo bar foo"',
      'foo or bar',
      'foo '.repeat(240),
      `"${'bar foo '.repeat(120)}"`,
    ]) {
      const searching = await timeOf(async () => expect(await search({ q })).toHaveLength(20));
      expect([q, searching / indexing < 20]).toEqual([q, true]);
    }
  });

  it.each([
    ['one word', 'kumquat', `${'lorem ipsum '.repeat(5_000)} a ripe kumquat, at last`, ['kumquat']],
    ['words that stand far apart', 'kumquat quince', `${'lorem '.repeat(9_000)} quinces ${'ipsum '.repeat(5_000)} kumquats`, ['quinces']], // prettier-ignore
    ['a phrase', '"ripe kumquat"', `kumquat, ripe ${'lorem ipsum '.repeat(5_000)} a ripe kumquat`, ['ripe', 'kumquat']], // prettier-ignore
    ['what is not to be there', 'kumquat -quince', `${'lorem ipsum '.repeat(5_000)} kumquat`, ['kumquat']],
    ['a name at the end of chains', 'kumquat', `${'x'.repeat(60_000)} kumquat`, ['kumquat']],
    ['capitals beyond A to Z', 'überraschung', `${'größer '.repeat(6_000)} ÜBERRASCHUNG`, ['ÜBERRASCHUNG']],
  ])('F49 shows a hit wherever it stands: %s', async (_, q, text, hits) => {
    await say(text);
    const [{ snippet }] = await search({ q, mode: 'fts' });
    for (const hit of hits) expect(snippet).toContain(`<mark>${hit}</mark>`);
    expect(snippet.length).toBeLessThan(1000);
  });

  describe('H3 a message of any shape', () => {
    const LENGTH = 49_999;
    const repeated = (part: string) => part.repeat(LENGTH / part.length + 1).slice(0, LENGTH);
    /** Taken back, so that each finds the same table. */
    const storing = async (text: string) => {
      const client = await app.db.connect();
      const values = [thread, JSON.stringify({ type: 'text', text })];
      try {
        await client.query('BEGIN; SET LOCAL statement_timeout = 20000');
        return await timeOf(() =>
          client.query(
            `INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at)
             SELECT t.org_id, t.id, t.last_seq + 1, gen_random_uuid(), 'user', $2, now(), now() FROM threads t WHERE t.id = $1`,
            values,
          ),
        );
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    };
    const shapes = [
      ...['a_', 'a-', 'a.', 'a/', 'a@', 'a&'],
      ...[
        'a.b@c/',
        'a-b.c-d@e-f.g-h',
        'http://a.b/c',
        '/?a=b&',
        '~/',
        './a',
        'x_1-',
        '1e1',
        '1.1e1.',
        '-1e-1',
        '+1',
        '1-a',
      ],
      ...['<a<a<a', '<!--', '<a b="c', '</a', '&#x1', 'é_', '日本_', 'a\u001f_', 'a\u2003_'],
    ];

    it('costs a small multiple of what an ordinary text of its length costs', async () => {
      const ordinary = repeated('lorem ipsum dolor sit amet, consectetur adipiscing elit. ');
      const plain = Math.max(await storing(ordinary), await storing(ordinary));
      const ratio = async (text: string) => (await storing(text)) / plain;
      const texts = [...shapes.map(repeated), repeated(`${'a_'.repeat(63)} `)];
      for (const text of texts) {
        const isCostly = (await ratio(text)) > 20 && (await ratio(text)) > 20;
        expect([text.slice(0, 20), isCostly]).toEqual([text.slice(0, 20), false]);
      }
    });

    it('is stored, and found by its ordinary words', async () => {
      const long = ['a_', 'x_1-', '<!--'];
      for (const shape of long)
        await say(`A lighthouse,\nwell-known ${repeated(shape).slice(0, 49_000)}\tand a kumquat`);
      for (const q of ['lighthouse', 'kumquats', 'well-known']) expect(await search({ q })).toHaveLength(long.length);
    });
  });

  it('F49 near spellings among long messages of such words cost what finding these messages costs', async () => {
    const word = (n: number) => `ab${(n * 7919 + 1e6).toString(36)}`;
    for (let m = 0; m < 100; m += 1) await say(Array.from({ length: 6000 }, (_, n) => word(m * 6000 + n)).join(' '));
    // What is new stands in no order yet.
    await app.db.query('VACUUM messages');
    const finding = await timeOf(() =>
      app.db.query(`SELECT count(s.id) FROM generate_series(1, 8) n, LATERAL throughline_search_scan(
        'acme', 'alice', false, 'ab:*', jsonb_build_object('thread_id', '${thread}', 'n', n), 100) s`),
    );
    const q = Array.from({ length: 8 }, (_, n) => `ab${(n * 31 + 5e8).toString(36)}q`).join(' ');
    const searching = await timeOf(() => search({ q, mode: 'similar' }));
    expect(searching / finding).toBeLessThan(60);
  });

  describe('while the database does not answer', () => {
    let locker: PoolClient;

    beforeEach(async () => {
      await say('a lighthouse');
      locker = await app.db.connect();
    });
    afterEach(async () => {
      await locker.query('ROLLBACK');
      locker.release();
    });
    const lock = () => locker.query('BEGIN; LOCK TABLE organizations, messages IN ACCESS EXCLUSIVE MODE');
    const running = async () => {
      const { rows } = await app.db.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows[0].count;
    };

    it('four searches run at the same time on an instance; who waits too long gets 503 and when to come back', async () => {
      await lock();
      const answers: Response[] = [];
      const searches = Array.from({ length: 10 }, async () => {
        const answer = await alice.get('/messages/search', { query: { q: 'lighthouse' } });
        answers.push(answer);
      });
      let most = 0;
      while (answers.length < 6) most = Math.max(most, await running());
      expect(most).toBe(4);
      for (const answer of answers.slice(0, 6)) {
        expectProblem(answer, 503, 'SEARCH_BUSY');
        expect(answer.headers['retry-after']).toBe('1');
      }
      await locker.query('ROLLBACK');
      await Promise.all(searches);
      // On a machine that was busy for so long, they may have been given up.
      for (const answer of answers.slice(6)) expect(answer.body.code ?? 'found').toMatch(/^(found|SEARCH_TIMEOUT)$/);
      // Their places are free again.
      expect(await search({ q: 'lighthouse' })).toHaveLength(1);
    });

    it('U75 a context goes on without what cannot be found in time', async () => {
      await say('something else');
      const query = { question: 'Where is the lighthouse?', window: 1, top_k: 3 };
      const texts = async () =>
        (await alice.get(`/threads/${thread}/context`, { query })).body.messages.map(({ content }: any) => content);
      await locker.query('BEGIN; LOCK TABLE organizations IN ACCESS EXCLUSIVE MODE');
      expect(await texts()).toEqual(['something else', 'Where is the lighthouse?']);
      await locker.query('ROLLBACK');
      expect(await texts()).toEqual(['a lighthouse', 'something else', 'Where is the lighthouse?']);
    });

    it('a search is given up before other statements are', async () => {
      await lock();
      let isRead = false;
      const reading = alice.get(`/threads/${thread}/messages`).then((answer) => ((isRead = true), answer));
      const answer = await alice.get('/messages/search', { query: { q: 'lighthouse' } });
      expectProblem(answer, 503, 'SEARCH_TIMEOUT');
      expect([answer.headers['retry-after'], isRead]).toEqual(['1', false]);
      await locker.query('ROLLBACK');
      expect((await reading).status).toBe(200);
      expect(await search({ q: 'lighthouse' })).toHaveLength(1);
    });
  });
});
