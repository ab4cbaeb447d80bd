import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Search over memory', () => {
  const { app, alice } = world();

  const keys = async (client: Client, query: Record<string, string | number>) => {
    const { status, body, text } = await client.get('/memories/search', { query });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body.data.map(({ key }: { key: string }) => key);
  };

  beforeAll(async () => {
    await alice.put('/memory', {
      memories: {
        allergies: ['penicillin', 'peanuts'],
        medications: [{ name: 'lisinopril', dosage: '10mg' }],
        hobby: 'She likes running in the mountains',
        'favourite-city': { name: 'München', since: 2019 },
        'note:42': 'Überraschung für den Geburtstag',
      },
    });
  });

  it('finds words in any form, in keys and in values, at any depth', async () => {
    expect(await keys(alice, { q: 'run' })).toEqual(['hobby']);
    expect(await keys(alice, { q: 'mountain runs' })).toEqual(['hobby']);
    expect(await keys(alice, { q: 'dosage 10mg' })).toEqual(['medications']);
    expect(await keys(alice, { q: 'allergy' })).toEqual(['allergies']);
    expect(await keys(alice, { q: 'city' })).toEqual(['favourite-city']);
    expect(await keys(alice, { q: 'nothing of the kind' })).toEqual([]);
  });

  it('finds near spellings, and letters beyond A to Z in either case', async () => {
    expect(await keys(alice, { q: 'penicilin' })).toEqual(['allergies']);
    expect(await keys(alice, { q: 'MÜNCHEN' })).toEqual(['favourite-city']);
    expect(await keys(alice, { q: 'überraschung' })).toEqual(['note:42']);
  });

  it('finds chains of words by their parts, and a long one costs what other text of its length costs', async () => {
    const user = await app.as('acme', 'chains');
    await user.put('/memory', { memories: { a: 'a well-known snake_case_name', b: { 'dashed-key': -1.5 } } });
    expect(await keys(user, { q: 'well-known' })).toEqual(['a']);
    expect(await keys(user, { q: 'case' })).toEqual(['a']);
    expect(await keys(user, { q: 'dashed' })).toEqual(['b']);
    const once = async (value: string) => {
      const began = performance.now();
      await app.db.query(`SELECT throughline_memory_document('k', $1::jsonb)`, [value]);
      return performance.now() - began;
    };
    const cost = async (part: string) => {
      const value = JSON.stringify(part.repeat(64_000 / part.length));
      return Math.min(await once(value), await once(value), await once(value));
    };
    const plain = await cost('plain words ');
    for (const chain of ['snake_case_', '3f2504e0-4f89-41d3-9a0c-0305e82c3301-', 'a_b-c.'])
      expect((await cost(chain)) / plain).toBeLessThan(100);
    for (const chain of ['~/', '1.1e1.', '<!--', 'x_1-', 'a@', '/?a=b&'])
      expect([chain, (await cost(chain)) / plain < 20]).toEqual([chain, true]);
  });

  it('puts the best match first, as many as asked for', async () => {
    await alice.put('/memory/tea', { value: 'green tea, black tea, tea with milk' });
    await alice.put('/memory/breakfast', {
      value: 'two eggs, bread, and sometimes a cup of tea or coffee with a friend',
    });
    expect(await keys(alice, { q: 'tea' })).toEqual(['tea', 'breakfast']);
    expect(await keys(alice, { q: 'tea', limit: 1 })).toEqual(['tea']);
    const { data } = (await alice.get('/memories/search', { query: { q: 'tea' } })).body;
    expect(data[0]).toMatchObject({
      key: 'tea',
      value: 'green tea, black tea, tea with milk',
      session_id: null,
      version: 1,
    });
    expect(data[0].score).toBeGreaterThan(data[1].score);
  });

  it('S36 searches the scope that is asked for', async () => {
    await alice.put('/memory/topic', { value: 'zebra crossing', session_id: 's1' });
    await alice.put('/memory/animal', { value: 'zebra' });
    expect(await keys(alice, { q: 'zebra' })).toEqual(['animal']);
    expect(await keys(alice, { q: 'zebra', session_id: 's1' })).toEqual(['topic']);
    expect((await keys(alice, { q: 'zebra', session_id: 's1', include_user: 'true' })).sort()).toEqual([
      'animal',
      'topic',
    ]);
    expect(await keys(alice, { q: 'zebra', session_id: 'other' })).toEqual([]);
    await alice.delete('/sessions/s1');
    expect(await keys(alice, { q: 'zebra', session_id: 's1' })).toEqual([]);
  });

  it("never finds another user's or another organization's", async () => {
    for (const stranger of [
      await app.as('acme', 'bob'),
      await app.as('globex', 'alice'),
      await app.as('globex', 'root', 'admin'),
    ]) {
      await stranger.put('/memory/own', { value: 'peanuts' });
      expect(await keys(stranger, { q: 'peanuts' })).toEqual(['own']);
      expect(await keys(stranger, { q: 'penicillin' })).toEqual([]);
    }
    const admin = await app.as('acme', 'root', 'admin');
    const found = await admin.get('/users/alice/memories/search', { query: { q: 'penicillin' } });
    expect(found.body.data.map(({ key }: { key: string }) => key)).toEqual(['allergies']);
    expectProblem(
      await (await app.as('acme', 'bob')).get('/users/alice/memories/search?q=penicillin'),
      403,
      'OTHER_USER',
    );
  });

  it('is bound to the organization of its transaction, also for who calls the function directly', async () => {
    const client = await app.db.connect();
    const search = (org: string) =>
      client.query(`SELECT key FROM throughline_search_memories($1, 'alice', ARRAY[''], 'penicillin', 10)`, [org]);
    try {
      await client.query(`BEGIN; SET LOCAL ROLE throughline_app; SET LOCAL app.org_id = 'globex'`);
      expect((await search('globex')).rows).toEqual([]);
      await expect(search('acme')).rejects.toMatchObject({ code: '42501' });
      await client.query('ROLLBACK');
      await client.query(`BEGIN; SET LOCAL ROLE throughline_app; SET LOCAL app.org_id = 'acme'`);
      expect((await search('acme')).rows).toEqual([{ key: 'allergies' }]);
      await client.query('ROLLBACK; BEGIN; SET LOCAL ROLE throughline_system');
      await expect(search('acme')).rejects.toMatchObject({ code: '42501' });
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  it('does not find what has expired', async () => {
    await alice.put('/memory/secret-code', { value: 'xylophone', ttl_seconds: 3600 });
    expect(await keys(alice, { q: 'xylophone' })).toEqual(['secret-code']);
    await app.db.query(`UPDATE memories SET expires_at = now() - interval '1 s' WHERE key = 'secret-code'`);
    expect(await keys(alice, { q: 'xylophone' })).toEqual([]);
  });

  it('takes any text as a query', async () => {
    for (const q of ['"', `'; DROP TABLE memories --`, '& | !', '-', '(((', '%_', '\\', '😀', 'a'.repeat(1000)]) {
      expect(await keys(alice, { q })).toEqual([]);
    }
    for (const query of [{}, { q: '' }, { q: 'a'.repeat(1001) }, { q: 'x', limit: 0 }, { q: 'x', mode: 'y' }]) {
      expectProblem(await alice.get('/memories/search', { query }), 400, 'VALIDATION_FAILED');
    }
  });

  it('uses its indexes, however many memories others have', async () => {
    await app.db.query(`
      INSERT INTO users (org_id, id) SELECT 'acme', 'u' || n FROM generate_series(1, 20) n;
      INSERT INTO memories (org_id, user_id, key, value)
      SELECT 'acme', 'u' || (n % 20 + 1), 'key' || n, to_jsonb('penicillin and word' || n) FROM generate_series(1, 20000) n;
      ANALYZE memories`);
    const { rows } = await app.db.query(`
      EXPLAIN (FORMAT JSON) SELECT m.key FROM memories m
      WHERE m.org_id = 'acme' AND m.user_id = 'alice'
        AND (m.words @@ websearch_to_tsquery('english', 'penicillin') AND m.words IS NOT NULL
          OR 'penicillin' <% m.extract AND m.extract IS NOT NULL)`);
    expect(JSON.stringify(rows[0])).not.toContain('Seq Scan');
    expect(await keys(alice, { q: 'penicillin' })).toEqual(['allergies']);
  });
});
