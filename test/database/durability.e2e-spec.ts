/** A PostgreSQL that acknowledges what it has not written, as the one of these tests. Needs a build. */
import { inspectServer } from '../../src/database/server-facts';
import { startServer } from '../support/servers/server-process';
import { logOf } from '../support/servers/worker-processes';
import { cloneDatabase, type TestDatabase } from '../support/world/database';

const ALL = ['fsync', 'full_page_writes', 'synchronous_commit'];

describe('A PostgreSQL that would lose what it has acknowledged', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await cloneDatabase();
    const alter = ALL.slice(2).map(
      (name) => `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET ${name} = off`,
    );
    for (const statement of alter) await database.pool.query(statement);
  });
  afterAll(() => database.drop());

  const lostBy = async (options = '') => (await inspectServer(`${database.url}${options}`)).undurable;
  /** Those that are off: a server of the operator's has its own. */
  const offHere = async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `SELECT name FROM pg_settings WHERE name = ANY($1) AND reset_val = 'off' ORDER BY name`,
      [ALL.slice(0, 2)],
    );
    return rows.map(({ name }) => name);
  };

  it('R7 the settings are those of the server’s own sessions', async () => {
    const here = await offHere();
    expect(await lostBy()).toEqual([...here, 'synchronous_commit']);
    expect(await lostBy('?options=-c%20synchronous_commit%3Dlocal')).toEqual(here);
  });

  it('R7 it is refused in production, with the names of the settings', async () => {
    const starting = startServer({ DATABASE_URL: database.url, NODE_ENV: 'production' });
    await expect(starting).rejects.toThrow(
      /The server did not start: PostgreSQL would lose acknowledged .*synchronous_commit off/,
    );
  });

  it('R7 elsewhere it is a warning', async () => {
    const server = await startServer({ DATABASE_URL: database.url });
    const warnings = logOf(server).filter(({ level }) => level === 'warn');
    expect(warnings).toEqual([expect.objectContaining({ msg: expect.stringMatching(/synchronous_commit off/) })]);
    expect(await server.stop()).toBe(0);
  });

  it('R7 what is thrown away at the end need not be durable', async () => {
    const server = await startServer({ DB_BACKEND: 'memory', NODE_ENV: 'production', SHUTDOWN_DELAY_MS: '0' });
    expect(logOf(server).filter(({ level }) => level === 'warn')).toEqual([]);
    expect(await server.stop()).toBe(0);
  });
});
