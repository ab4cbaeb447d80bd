import { world } from '../support/world';
import type { Client } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';

const range = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('Sessions at the same time', () => {
  const { app, alice } = world();
  let elsewhere: Client;

  beforeAll(async () => {
    elsewhere = alice.at((await app.second()).url);
  });

  const turn = (n: number) => (n % 2 ? alice : elsewhere);
  const say = (id: string, content: string, client = alice) =>
    client.post(`/sessions/${id}/messages`, { role: 'user', content });
  const statusesOf = (answers: { status: number }[]) => answers.map(({ status }) => status).sort();

  it('U69 P24 C18 50 parallel merges of different metadata keys and of different variables all land', async () => {
    await say('merged', 'Hello');
    const answers = await Promise.all(
      range(50).flatMap((n) => [
        turn(n).patch('/sessions/merged/metadata', { [`key${n}`]: n }),
        turn(n + 1).patch('/sessions/merged/variables', { [`name${n}`]: { n } }),
      ]),
    );
    expect(statusesOf(answers)).toEqual(Array(100).fill(200));
    const all = (name: string, value: (n: number) => unknown) =>
      Object.fromEntries(range(50).map((n) => [`${name}${n}`, value(n)]));
    expect((await alice.get('/sessions/merged/metadata')).body).toEqual(all('key', (n) => n));
    expect((await alice.get('/sessions/merged/variables')).body).toEqual(all('name', (n) => ({ n })));
    const { version, variables } = (await alice.get('/sessions/merged')).body;
    expect([version, variables.length]).toEqual([102, 50]);
    // Every one of them has seen its own version.
    expect(new Set(answers.map(({ headers }) => headers.etag)).size).toBe(100);
  });

  it('C08 50 parallel get-or-create of one id make one session, and what each of them says is kept', async () => {
    const answers = await Promise.all(
      range(50).map((n) =>
        turn(n).post('/sessions', { session_id: 'one', metadata: { [`m${n}`]: n }, variables: { [`v${n}`]: n } }),
      ),
    );
    expect(statusesOf(answers)).toEqual([...Array(49).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => body.thread_id)).size).toBe(1);
    const { metadata, variables } = (await alice.get('/sessions/one')).body;
    expect([Object.keys(metadata).length, variables.length]).toEqual([50, 50]);
    const { rows } = await app.db.query(`SELECT count(*) AS n FROM threads WHERE session_id = 'one'`);
    expect(rows[0].n).toBe(1);
  });

  it('C30 of 20 notebooks that are named at once, one is kept', async () => {
    const answers = await Promise.all(
      range(20).map((n) => turn(n).post('/sessions', { session_id: 'nb', notebook_id: `nb-${n}` })),
    );
    expect(new Set(answers.map(({ body }) => body.notebook_id)).size).toBe(1);
  });

  it('P64 P45 what one instance has answered, another one shows at once', async () => {
    for (const n of range(20)) {
      await say('shared', `msg-${n}`, turn(n));
      const { data, total } = (await turn(n + 1).get('/sessions/shared/messages?last=1')).body;
      expect([total, data[0].content]).toEqual([n + 1, `msg-${n}`]);
    }
    await alice.patch('/sessions/shared', { title: 'Renamed' });
    expect((await elsewhere.get('/sessions/shared')).body.title).toBe('Renamed');
    await elsewhere.delete('/sessions/shared');
    expect((await alice.get('/sessions/shared')).status).toBe(404);
  });

  it('U104 five conversations at once do not leak into each other', async () => {
    const users = [alice, await app.as('acme', 'bob'), await app.as('globex', 'alice')];
    const own = (client: number, conversation: number, n: number) => `${client}/${conversation}/${n}`;
    await Promise.all(
      range(3).flatMap((client) =>
        range(5).map(async (conversation) => {
          for (const n of range(10)) await say(`chat-${conversation}`, own(client, conversation, n), users[client]);
        }),
      ),
    );
    for (const client of range(3)) {
      for (const conversation of range(5)) {
        const { history } = (await users[client].get(`/sessions/chat-${conversation}/history`)).body;
        const expected = range(10).map((n) => ({ role: 'user', content: own(client, conversation, n) }));
        expect(history).toEqual(expected);
      }
    }
  });

  it('U60 hundreds of mixed requests at once end in no 5xx and no broken counter', async () => {
    // Its own cap and a history limit, so that sessions are also put to sleep, woken and trimmed meanwhile.
    const limits = { SESSION_MAX_CONCURRENT: '5', SESSION_HISTORY_LIMIT: '4', SESSION_TTL_SECONDS: '600' };
    const url = (await app.second(limits)).url;
    const users = await Promise.all(['dora', 'emil'].map(async (user) => (await app.as('busy', user)).at(url)));
    const requests: ((client: Client, id: string) => Promise<{ status: number; text: string }>)[] = [
      (client, id) => say(id, 'x', client),
      (client, id) => client.post('/sessions', { session_id: id, notebook_id: 'nb', metadata: { a: 1 } }),
      (client, id) =>
        client.post(`/sessions/${id}/messages`, { messages: range(3).map((n) => ({ role: 'user', content: `${n}` })) }),
      (client, id) => client.get(`/sessions/${id}/history`),
      (client, id) => client.patch(`/sessions/${id}/variables`, { [`v${id}`]: 1 }),
      (client, id) => client.patch(`/sessions/${id}`, { title: 'x', max_tokens: 9 }),
      (client, id) => client.delete(`/sessions/${id}/messages`),
      (client, id) => client.get(`/sessions/${id}?include=messages`),
      (client, id) => client.delete(`/sessions/${id}`),
      (client) => client.get('/sessions?include_total=true'),
      (client, id) => client.delete(`/sessions?prefix=${id}`),
    ];
    const answers = await Promise.all(
      range(600).map((n) => requests[(n * 7) % requests.length](users[n % 2], `s${n % 9}`)),
    );
    expect(answers.filter(({ status }) => ![200, 201, 404].includes(status)).map(({ text }) => text)).toEqual([]);
    expect(await brokenCounters(app.db)).toEqual([]);
    const { rows } = await app.db.query(`
      SELECT (SELECT count(*) FROM threads t JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id
          WHERE t.org_id = 'busy' AND t.session_id IS NOT NULL AND s.notebook_id IS NOT NULL) AS active,
        (SELECT count(*) FROM threads t WHERE org_id = 'busy' AND NOT EXISTS (
          SELECT FROM sessions s WHERE s.org_id = t.org_id AND s.thread_id = t.id)) AS orphans,
        (SELECT count(*) FROM threads t JOIN sessions s ON s.org_id = t.org_id AND s.thread_id = t.id
          WHERE t.session_id <> s.id OR t.user_id <> s.user_id) AS mixed`);
    expect(rows[0]).toMatchObject({ orphans: 0, mixed: 0 });
    expect(rows[0].active).toBeLessThanOrEqual(5);
  });

  it('C08 deletes and writes of one id at once leave one session, or none, and never half of one', async () => {
    for (const round of range(5)) {
      const id = `flicker-${round}`;
      const answers = await Promise.all(
        range(40).map((n) => (n % 4 === 3 ? turn(n).delete(`/sessions/${id}`) : say(id, `${n}`, turn(n)))),
      );
      expect(answers.filter(({ status }) => ![200, 201, 404].includes(status)).map(({ text }) => text)).toEqual([]);
      const shown = await alice.get(`/sessions/${id}`);
      const { rows } = await app.db.query(
        `SELECT count(*) AS n FROM threads t WHERE t.name = $1 AND t.message_count =
          (SELECT count(*) FROM messages m WHERE m.org_id = t.org_id AND m.thread_id = t.id)`,
        [id],
      );
      expect(rows[0].n).toBe(shown.status === 200 ? 1 : 0);
    }
  });
});
