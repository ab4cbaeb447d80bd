import { makeStatement } from '../../src/database/door/sql';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { type Door, openDoor } from '../support/world/door';
import { world } from '../support/world';

const TABLES = `
  SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public'`;

describe('A schema that changes under a server that runs', () => {
  // Each statement is prepared on one connection.
  const { app, alice, thread, session } = world({ DB_POOL_SIZE: '1', DB_MAX_OVERFLOW: '0' });

  it('R11 another column in every table: each read and each change goes on', async () => {
    const id = await thread('Tokyo', 'Find a hotel', 'There are three.');
    const sessionId = await session('Hello', 'Good day');
    await alice.put('/memory/color', { value: 'blue' });
    const messageId = (await alice.get(`/threads/${id}/messages`)).body.data[0].id;
    const gets = ['', '/messages', '/context', '/summaries', '/shares'].map((end) => `/threads/${id}${end}`);
    gets.push(
      '/threads',
      '/sessions',
      `/sessions/${sessionId}`,
      `/sessions/${sessionId}/messages`,
      '/memory',
      '/memory/color',
    );
    gets.push(
      `/sessions/${sessionId}/state`,
      `/messages/${messageId}`,
      `/threads/${id}/forks`,
      '/messages/search?q=hotel',
    );
    const patches: [string, object][] = [
      [`/threads/${id}`, { name: 'Kyoto' }],
      [`/messages/${messageId}`, { content: 'Find an inn' }],
      [`/sessions/${sessionId}`, { title: 'Greetings' }],
    ];
    const all = async (round: number) => {
      const answers = [];
      for (const path of gets) answers.push([path, (await alice.get(path)).status]);
      for (const [path, body] of patches) {
        const changed = Object.fromEntries(Object.entries(body).map(([name, text]) => [name, `${text} ${round}`]));
        answers.push([path, (await alice.patch(path, changed)).status]);
      }
      answers.push(['put', (await alice.put('/memory/color', { value: round })).status]);
      answers.push(['append', (await alice.post(`/threads/${id}/messages`, { role: 'user', content: 'x' })).status]);
      return answers;
    };
    const before = await all(1);
    expect(before.filter(([, status]) => Number(status) > 201)).toEqual([]);
    const { rows } = await app.db.query<{ name: string }>(TABLES);
    for (const { name } of rows) await app.db.query(`ALTER TABLE ${name} ADD COLUMN added_later text`);
    expect(await all(2)).toEqual(before);
  });
});

describe('A statement whose columns a migration has changed', () => {
  let [database, door]: [TestDatabase?, Door?] = [];
  beforeAll(async () => {
    database = await cloneDatabase();
    await database.pool.query('CREATE TABLE outdated (n int); GRANT ALL ON outdated TO throughline_app');
    await database.pool.query('INSERT INTO outdated VALUES (1)');
    door = await openDoor(database.url, { DB_POOL_SIZE: '4', DB_MAX_OVERFLOW: '0' });
  });
  afterAll(async () => {
    await door?.close();
    await database?.drop();
  });

  it('R11 is sent once more on a connection that has not prepared it, whichever way it goes', async () => {
    const { db } = door!;
    const [acme, globex] = [{ orgId: 'acme' }, { orgId: 'globex' }];
    const look = makeStatement<never, { n: unknown }>('outdated_look', 'SELECT * FROM outdated');
    const ways = [
      () => db.run(acme, (tx) => tx.query(look)),
      () => db.runOne(acme, (tx) => tx.query(look)),
      () => db.read(acme, (tx) => tx.query(look)),
      () => db.readOne(acme, (tx) => tx.query(look)),
      () => db.readOne(acme, (tx) => tx.query(look), { rows: 1 }),
    ];
    for (const [n, way] of ways.entries()) {
      // Prepared on all connections.
      await Promise.all([1, 2, 3, 4].map((m) => db.run(m % 2 ? acme : globex, (tx) => tx.query(look))));
      await database!.pool.query(`ALTER TABLE outdated ADD COLUMN n${n} int`);
      expect(Object.keys((await way())[0])).toHaveLength(n + 2);
    }
  });
});
