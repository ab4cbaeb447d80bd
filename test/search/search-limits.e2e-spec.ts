import { world } from '../support/world';
import { expectProblem } from '../support/world/client';

describe('Search over messages: any text, any language', () => {
  const { app, alice } = world({ MESSAGE_LIMIT_BYTES: String(8 * 1024 * 1024) });
  let thread: string;

  const search = (query: Record<string, string | number>, client = alice) => client.get('/messages/search', { query });
  const found = async (query: Record<string, string | number>, client = alice) => {
    const { status, body, text } = await search(query, client);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body.data;
  };
  const say = (content: unknown, more: object = {}) => alice.addMessage(thread, { role: 'user', content, ...more });

  beforeEach(async () => (thread = (await alice.createThread('Any')).id));

  it('F47 F49 takes any text as a question, in every mode', async () => {
    await say('Only this');
    const questions = [
      '"',
      `'; DROP TABLE messages --`,
      '& | !',
      '-',
      '(((',
      '%_',
      '\\',
      "\\' \\",
      '😀',
      '!!! ...',
      'the',
      'a',
      'x'.repeat(300),
      `${'ab '.repeat(333)}`,
      '-unlikely',
      'or',
      '<->',
      ':*',
      '*',
      '\t\n',
      '\u200b',
      'ﷺ',
      'a:b&c|d',
    ];
    for (const mode of ['auto', 'fts', 'phrase', 'prefix', 'similar', 'any']) {
      for (const q of questions) {
        const { status, body } = await search({ q, mode, thread_id: thread });
        expect([mode, q, status, Array.isArray(body.data)]).toEqual([mode, q, 200, true]);
      }
    }
  });

  it('F47 refuses what it cannot take: 400 with a stable code', async () => {
    const wrong = [
      {},
      { q: '' },
      { q: 'a'.repeat(1001) },
      { q: 'a'.repeat(10_000) },
      { q: 'x', limit: -1 },
      { q: 'x', limit: 101 },
      { q: 'x', mode: 'y' },
      { q: 'x', role: 'king' },
      { q: 'x', thread_id: 'nope' },
      { q: 'x', zzz: 1 },
    ];
    for (const query of wrong) expectProblem(await search(query as never), 400, 'VALIDATION_FAILED');
    expectProblem(await search({ q: 'x', mode: 'semantic' }), 400, 'SEMANTIC_SEARCH_NOT_OFFERED');
    expectProblem(await search({ q: 'a\0b' }), 400, 'INVALID_TEXT');
    for (const metadata of ['[]', '{"a"', '"x"']) expectProblem(await search({ q: 'x', metadata }), 400, 'BAD_REQUEST');
    expect((await alice.get('/sessions/search')).status).toBe(400);
    expect(await found({ q: 'x', limit: 0 })).toEqual([]);
    expectProblem(await app.anonymous().get('/messages/search?q=x'), 401, 'UNAUTHENTICATED');
  });

  it('F49 finds letters beyond A to Z in either case, and scripts without spaces', async () => {
    await say('Die Überraschung in MÜNCHEN war groß');
    await say('明日は東京のホテルに泊まります');
    const [german] = await found({ q: 'überraschung münchen', thread_id: thread });
    expect(german.snippet).toBe('Die <mark>Überraschung</mark> in <mark>MÜNCHEN</mark> war groß');
    expect(await found({ q: 'ÜBERRASCHUNG', thread_id: thread })).toHaveLength(1);
    const [japanese] = await found({ q: '東京', thread_id: thread });
    expect(japanese.snippet.replaceAll(/<\/?mark>/g, '')).toContain('東京のホテル');
    expect(await found({ q: '京都', mode: 'phrase', thread_id: thread })).toEqual([]);
  });

  it('F49 snippets are safe to show', async () => {
    await say('<img src=x onerror=alert(1)> & "walnuts" <b>bold</b> \uE000forged\uE001');
    const [{ snippet }] = await found({ q: 'walnuts', thread_id: thread });
    expect(snippet).toContain('<mark>walnuts</mark>');
    expect(snippet.replaceAll(/<\/?mark>/g, '')).not.toMatch(/[<>"\uE000\uE001]/);
    expect(snippet).not.toContain('<mark>forged');
    expect(snippet).toContain('&lt;b&gt;bold&lt;/b&gt;');
    expect(await found({ q: 'onerror', thread_id: thread })).toHaveLength(1);
  });

  it('F47 finds parts, tool calls and names', async () => {
    await say([
      { type: 'text', text: 'a kumquat' },
      { type: 'image_url', image_url: { url: 'x' } },
    ]);
    await say([{ type: 'tool_result', content: [{ type: 'text', text: 'a rutabaga' }] }]);
    await say(null, {
      role: 'assistant',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'find_parsnips', arguments: '{"city":"Zagreb"}' } }],
    });
    await say('Hello', { name: 'wilhelmina' });
    for (const q of ['kumquat', 'rutabaga', 'parsnips', 'zagreb', 'wilhelmina'])
      expect([q, (await found({ q, thread_id: thread })).length]).toEqual([q, 1]);
  });

  it('F49 stores whatever is sent, however little of it can be indexed', async () => {
    const unlike = Array.from({ length: 200_000 }, (_, n) => String.fromCodePoint(0x4e00 + ((n * 7919) % 20_000))).join(
      '',
    );
    const links = Array.from(
      { length: 40_000 },
      (_, n) => `https://${'𝔵'.repeat(8)}${n}.example.com/${n}-a-b-c_${n}`,
    ).join(' ');
    for (const content of [
      unlike,
      links,
      'x'.repeat(3_000_000),
      `${'word '.repeat(200_000)}`,
      '😀'.repeat(300_000),
      '-'.repeat(500_000),
    ])
      expect(
        (await alice.post(`/threads/${thread}/messages`, { role: 'user', content: `grapefruit ${content}` })).status,
      ).toBe(201);
    // A page ends where its messages have 4 MB.
    const all = await alice.all('/messages/search', { q: 'grapefruit', thread_id: thread });
    expect(new Set(all.map(({ seq }) => seq))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });

  it('F49 a long chain without spaces costs what other text of its length costs', async () => {
    const once = async (text: string) => {
      const began = performance.now();
      await app.db.query(`SELECT throughline_message_document('english', to_jsonb($1::text), NULL, NULL)`, [text]);
      return performance.now() - began;
    };
    const cost = async (part: string) => {
      const text = part.repeat(100_000 / part.length);
      return Math.min(await once(text), await once(text), await once(text));
    };
    const plain = await cost('plain words ');
    // Unbroken, each of these takes a thousand times as long.
    for (const chain of ['snake_case_', '3f2504e0-4f89-41d3-9a0c-0305e82c3301-', 'a_b-c.'])
      expect((await cost(chain)) / plain).toBeLessThan(100);
  });

  it('F49 the language is the organization’s, for what is stored from then on; what was stored before is still found', async () => {
    const admin = await app.as('hamburg', 'root', 'admin');
    const member = await app.as('hamburg', 'karl');
    const { id } = await member.createThread('Haus');
    await member.addMessage(id, 'running houses');
    expect((await admin.get('/admin/search-language')).body).toMatchObject({
      language: 'english',
      languages: ['english'],
    });
    expectProblem(await admin.put('/admin/search-language', { language: 'klingon' }), 400, 'SEARCH_LANGUAGE_UNKNOWN');
    const { status, body } = await admin.put('/admin/search-language', { language: 'german' });
    expect([status, body.languages]).toEqual([200, ['german', 'english']]);
    expect(body.available).toContain('simple');
    await member.addMessage(id, 'Die Häuser der Stadt');
    expect(await found({ q: 'Haus', mode: 'fts' }, member)).toHaveLength(1);
    expect(await found({ q: 'run house', mode: 'fts' }, member)).toHaveLength(1);
    // A name that the database does not know, however it came there, is as none at all: words as they are.
    await app.db.query(`UPDATE organizations SET settings = '{"search_languages":["klingon"]}' WHERE id = 'hamburg'`);
    await member.addMessage(id, 'swimming');
    expect(await found({ q: 'swim', mode: 'fts' }, member)).toEqual([]);
    expect(await found({ q: 'swimming', mode: 'fts' }, member)).toHaveLength(1);
    // Strangers: neither a member nor another organization's admin changes it.
    expectProblem(await member.put('/admin/search-language', { language: 'simple' }), 403, 'FORBIDDEN');
    const other = await app.as('globex', 'root', 'admin');
    expect((await other.get('/admin/search-language')).body.language).toBe('english');
  });

  it('is bound to the organization of its transaction, also for who calls the function directly', async () => {
    await say('clandestine');
    const client = await app.db.connect();
    const call = (org: string) =>
      client.query(`SELECT seq FROM throughline_search_messages($1, 'alice', true, 'clandestine', '{fts}', '{}', 10)`, [
        org,
      ]);
    const refused = async (attempt: () => Promise<unknown>) => {
      await client.query('SAVEPOINT attempt');
      await expect(attempt()).rejects.toMatchObject({ code: '42501' });
      await client.query('ROLLBACK TO attempt');
    };
    try {
      await client.query(`BEGIN; SET LOCAL ROLE throughline_app; SET LOCAL app.org_id = 'globex'`);
      expect((await call('globex')).rows).toEqual([]);
      await refused(() => call('acme'));
      await refused(() => client.query(`SELECT throughline_search_scan('acme', 'alice', true, 'x', '{}', 1)`));
      await client.query('ROLLBACK');
      await client.query(`BEGIN; SET LOCAL ROLE throughline_app; SET LOCAL app.org_id = 'acme'`);
      expect((await call('acme')).rows).toHaveLength(1);
      await client.query('ROLLBACK; BEGIN; SET LOCAL ROLE throughline_search');
      for (const column of ['content', 'name', 'request_hash'])
        await refused(() => client.query(`SELECT ${column} FROM messages`));
      await client.query('ROLLBACK; BEGIN; SET LOCAL ROLE throughline_system');
      await refused(() => call('acme'));
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });
});
