import { world } from '../support/world';
import { type Client, expectProblem } from '../support/world/client';

describe('Export and import of sessions', () => {
  const { app, alice, bob, someone } = world();
  const mallory = someone('mallory', 'member', 'globex');

  async function makeSession(client: Client, id: string): Promise<void> {
    const settings = {
      title: 'Planning',
      notebook_id: 'nb-1',
      prompt_name: 'p',
      system_prompt: 'Be brief.',
      max_tokens: 900,
    };
    const variables = { zeta: 'int', alpha: { a: [1] }, '10': 'x' };
    const { status } = await client.post('/sessions', { session_id: id, ...settings, metadata: { a: 1 }, variables });
    expect(status).toBe(201);
    await client.post(`/sessions/${id}/messages`, {
      messages: [
        { role: 'user', content: 'Where to?' },
        { role: 'assistant', content: 'Tokyo.', cost: '0.25' },
        { role: 'user', content: '' },
      ],
    });
    await client.post(`/sessions/${id}/summaries`, { start_turn: 0, end_turn: 2, content: 'A trip.' });
  }
  const exportOf = async (client: Client, id: string, format = 'json') => {
    const answer = await client.get(`/sessions/${id}/export`, { query: { format } });
    expect(answer.status).toBe(200);
    return answer.text;
  };
  const importText = (client: Client, raw: string, query = {}) =>
    client.send('POST', '/sessions/import', { raw, query, headers: { 'content-type': 'application/json' } });

  it('P34 P35 an export of one is JSON with two spaces; deleted and imported, it is byte for byte the same', async () => {
    await makeSession(alice, 'trip');
    const before = await exportOf(alice, 'trip');
    expect(before).toBe(`${JSON.stringify(JSON.parse(before), null, 2)}\n`);
    expect(JSON.parse(before).session).toMatchObject({ id: 'trip', notebook_id: 'nb-1', max_tokens: 900 });
    await alice.delete('/sessions/trip');
    expectProblem(await alice.get('/sessions/trip'), 404, 'SESSION_NOT_FOUND');
    expect((await importText(alice, before)).body).toMatchObject({
      imported: 1,
      conversations: [{ session_id: 'trip' }],
    });
    expect(await exportOf(alice, 'trip')).toBe(before);
    const { body } = await alice.get('/sessions/trip');
    expect(body).toMatchObject({
      title: 'Planning',
      message_count: 3,
      total_cost: 0.25,
      expires_at: expect.any(String),
    });
    expect((await alice.get('/sessions/trip/variables')).text).toContain('{"10":"x","zeta":"int","alpha":{"a":[1]}}');
    expect((await alice.post('/sessions/trip/messages', { role: 'user', content: 'Next' })).body.seq).toBe(4);
  });

  it('P35 an id that is there is 409 unless overwrite=true, which replaces the session and keeps its memory', async () => {
    await makeSession(alice, 'again');
    const before = await exportOf(alice, 'again');
    await alice.put('/sessions/again/memory', { memories: { city: 'Kyoto' } });
    await alice.put('/memory/town', { value: 'Nara', session_id: 'again' });
    const remembered = async () =>
      (await app.db.query(`SELECT key, value FROM memories WHERE session_id = 'again' ORDER BY key`)).rows;
    const memories = await remembered();
    expect(memories.length).toBeGreaterThan(0);
    await alice.post('/sessions/again/messages', { role: 'user', content: 'Later' });
    await alice.patch('/sessions/again', { title: 'Other' });
    expectProblem(await importText(alice, before), 409, 'SESSION_EXISTS');
    expect((await alice.get('/sessions/again')).body).toMatchObject({ title: 'Other', message_count: 4 });
    expect((await importText(alice, before, { overwrite: 'true', dry_run: 'true' })).status).toBe(200);
    expect((await alice.get('/sessions/again')).body).toMatchObject({ title: 'Other', message_count: 4 });
    expect((await importText(alice, before, { overwrite: 'true' })).status).toBe(201);
    expect(await exportOf(alice, 'again')).toBe(before);
    expect(await remembered()).toEqual(memories);
    const threads = await app.db.query(`SELECT id FROM threads WHERE session_id = 'again' AND user_id = 'alice'`);
    expect(threads.rowCount).toBe(1);
  });

  it('C47 the same id of another user, or in another organization, is another session', async () => {
    await makeSession(alice, 'shared-name');
    const before = await exportOf(alice, 'shared-name');
    for (const stranger of [bob, mallory]) {
      expectProblem(await stranger.get('/sessions/shared-name/export'), 404, 'SESSION_NOT_FOUND');
      expect((await importText(stranger, before)).body.conversations[0].session_id).toBe('shared-name');
      await stranger.patch('/sessions/shared-name', { title: 'Mine' });
      expect((await importText(stranger, before, { overwrite: 'true' })).status).toBe(201);
    }
    expect(await exportOf(alice, 'shared-name')).toBe(before);
  });

  it('C47 among threads a session whose id is taken gets a new one', async () => {
    await makeSession(alice, 'taken');
    const before = await exportOf(alice, 'taken', 'ndjson');
    const { body } = await alice.post('/threads/import', JSON.parse(before));
    expect(body.imported).toBe(1);
    const [{ session_id }] = body.conversations;
    expect(session_id).not.toBe('taken');
    const copy = await exportOf(alice, session_id, 'ndjson');
    const withoutTimes = (text: string) => ({ ...JSON.parse(text), session: { ...JSON.parse(text).session, id: '' } });
    expect(withoutTimes(copy)).toEqual(withoutTimes(before));
  });

  it('P36 all of them: as many as the list says, the own ones only, and the same again after an import', async () => {
    const carol = await app.as('acme', 'carol');
    for (let i = 0; i < 7; i += 1) await makeSession(carol, `bulk-${i}`);
    await carol.createThread('No session');
    const { body: list } = await carol.get('/sessions', { query: { include_total: true } });
    const { text } = await carol.get('/sessions/export');
    const conversations = JSON.parse(text);
    expect(conversations).toHaveLength(list.total);
    expect(conversations.map(({ session }: { session: { id: string } }) => session.id)).toEqual(
      Array.from({ length: 7 }, (_, i) => `bulk-${i}`),
    );
    const lines = (await carol.get('/sessions/export', { query: { format: 'ndjson' } })).text;
    expect(
      lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(conversations);
    await carol.send('DELETE', '/sessions', { query: { prefix: 'bulk-' } });
    expect(JSON.parse((await carol.get('/sessions/export')).text)).toEqual([]);
    expect((await importText(carol, text)).body).toMatchObject({ imported: 7, failed: 0 });
    expect((await carol.get('/sessions/export')).text).toBe(text);
    for (const stranger of [bob, mallory]) expect((await stranger.get('/sessions/export')).text).not.toContain('bulk-');
  });

  it('N36 json has every turn, markdown both roles; a bad format is 400, an unknown session 404', async () => {
    await makeSession(alice, 'nb');
    expect(JSON.parse(await exportOf(alice, 'nb')).messages).toHaveLength(3);
    const markdown = await exportOf(alice, 'nb', 'markdown');
    for (const part of ['# Planning', '## User', 'Where to?', '## Assistant', 'Tokyo.'])
      expect(markdown).toContain(part);
    expectProblem(await alice.get('/sessions/nb/export', { query: { format: 'docx' } }), 400, 'VALIDATION_FAILED');
    expectProblem(await alice.get('/sessions/unknown/export'), 404, 'SESSION_NOT_FOUND');
    expectProblem(await alice.get('/sessions/import/export'), 400, 'SESSION_ID_RESERVED');
  });

  it('P35 what has no id becomes a session under a new one; a reserved or broken id is refused', async () => {
    const { body } = await alice.post('/sessions/import', [{ role: 'user', content: 'Hi' }]);
    const [{ session_id }] = body.conversations;
    expect((await alice.get(`/sessions/${session_id}`)).body.message_count).toBe(1);
    const named = (id: unknown) => ({ schema_version: 2, session: { id }, messages: [] });
    expectProblem(await alice.post('/sessions/import', named('export')), 400, 'SESSION_ID_RESERVED');
    const answer = await alice.post('/sessions/import', named('x\u0001'));
    expectProblem(answer, 400, 'VALIDATION_FAILED');
    expect(answer.body.errors[0].field).toBe('session.id');
  });

  it('P35 a dry run meets the sessions that it would have made, as the run itself does', async () => {
    const dave = await app.as('acme', 'dave');
    const named = (id: string) => ({ schema_version: 2, session: { id }, messages: [] });
    const text = JSON.stringify([named('twice'), named('once'), named('twice')]);
    const outcome = async (query: object) => {
      const { body } = await importText(dave, text, query);
      const errors = body.errors.map(({ line, code, detail }: Record<string, unknown>) => [line, code, detail]);
      return { imported: body.imported, failed: body.failed, errors };
    };
    const tried = await outcome({ dry_run: 'true' });
    expect(tried).toMatchObject({ imported: 2, failed: 1, errors: [[3, 'SESSION_EXISTS', expect.any(String)]] });
    expect(await outcome({ dry_run: 'true', overwrite: 'true' })).toMatchObject({ imported: 3, failed: 0 });
    expect((await dave.get('/sessions')).body.data).toEqual([]);
    expect(await outcome({})).toEqual(tried);
  });
});
