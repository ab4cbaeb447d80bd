import { join } from 'node:path';
import type { PoolClient } from 'pg';
import { statementTexts } from '../../src/database/door/sql';
import { readSources } from '../support/house/sources';
import { cloneDatabase, type TestDatabase } from '../support/world/database';

/** PostgreSQL refuses a prepared statement whose columns have changed: one that names its columns goes on. */
describe('Columns of the prepared statements', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await cloneDatabase()));
  afterAll(() => database.drop());

  const load = () => {
    const makers = readSources().filter(({ text }) => /\b(sql|sqlForTarget|makeStatement)[<(]/.test(text));
    for (const { path } of makers) require(join(__dirname, '../../src', path));
    return [...statementTexts];
  };

  /** @returns the names of those that PostgreSQL takes: other test files have statements too, of tables of their own */
  const prepare = async (client: PoolClient, statements: [string, string][]) => {
    const taken: { name: string; count: number }[] = [];
    for (const [name, text] of statements) {
      const count = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));
      const prepared = await client.query(`PREPARE ${name} AS ${text}`).catch(() => undefined);
      if (prepared) taken.push({ name, count });
    }
    return taken;
  };

  it('R11 stay what they are when every table gets another column', async () => {
    const client = await database.pool.connect();
    try {
      const statements = await prepare(client, load());
      expect(statements.length).toBeGreaterThan(100);
      const { rows } = await client.query<{ table: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS table FROM pg_tables WHERE schemaname = 'public'`,
      );
      for (const { table } of rows) await client.query(`ALTER TABLE ${table} ADD COLUMN added_later text`);
      await client.query(`SET app.org_id = 'acme'`);
      const broken: string[] = [];
      for (const { name, count } of statements) {
        const values = count > 0 ? `(${Array(count).fill('NULL').join(', ')})` : '';
        await client
          .query(`EXPLAIN EXECUTE ${name}${values}`)
          .catch((error: Error) => broken.push(`${name}: ${error.message}`));
      }
      expect(broken).toEqual([]);
    } finally {
      client.release(true);
    }
  });
});
