import { migrate, revert } from '../../src/database/migrate';
import { emptyDatabase, type TestDatabase, waitsForLock } from '../support/world/database';

const TABLES = `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`;

describe('F59 Migrations', () => {
  let database: TestDatabase;
  const run = () => migrate({ url: database.url, ownerUrl: database.url });
  const undo = () => revert({ url: database.url, ownerUrl: database.url });
  const tables = async () =>
    (await database.pool.query<{ tablename: string }>(TABLES)).rows.map((row) => row.tablename);

  /** Everything about the schema that a caller could notice. */
  const shape = async () => {
    const { rows } = await database.pool.query(`
      SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns
      WHERE table_schema = 'public' ORDER BY 1, 2`);
    const { rows: indexes } = await database.pool.query(
      `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`,
    );
    const { rows: policies } = await database.pool.query(
      `SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2`,
    );
    const { rows: grants } = await database.pool.query(`
      SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants
      WHERE table_schema = 'public' AND grantee LIKE 'throughline\\_%' ORDER BY 1, 2, 3`);
    return { rows, indexes, policies, grants };
  };

  beforeEach(async () => (database = await emptyDatabase()));
  afterEach(() => database.drop());

  it('S42 turn an empty database into a whole one, and a second time changes nothing', async () => {
    const done = await run();
    expect(done.length).toBeGreaterThan(0);
    expect(await tables()).toEqual(expect.arrayContaining(['threads', 'messages', 'organizations']));
    const before = await shape();
    expect(await run()).toEqual([]);
    expect(await shape()).toEqual(before);
  });

  it('can be undone one by one, and done again with the same result', async () => {
    const done = await run();
    const before = await shape();
    for (const _ of done) await undo();
    expect(await tables()).toEqual(['throughline_migrations']);
    expect(await run()).toEqual(done);
    expect(await shape()).toEqual(before);
  });

  it('H2 give entries of before their words', async () => {
    await run();
    const applied = `SELECT name FROM throughline_migrations ORDER BY id DESC LIMIT 1`;
    const newest = async () => (await database.pool.query<{ name: string }>(applied)).rows[0].name;
    while ((await newest()) !== 'MemorySearch1763942400000') await undo();
    await database.pool.query(`
      INSERT INTO organizations (id) VALUES ('acme');
      INSERT INTO users (org_id, id) VALUES ('acme', 'alice');
      INSERT INTO memories (org_id, user_id, key, value)
      SELECT 'acme', 'alice', 'key' || n, to_jsonb('number ' || n) FROM generate_series(1, 200) n`);
    await run();
    const words = `SELECT count(*) FROM memories WHERE extract = key || ' number ' || substr(key, 4) || ' ' AND words @@ 'number'`;
    expect((await database.pool.query(words)).rows).toEqual([{ count: 200 }]);
  });

  it('R11 don’t keep others from a table that somebody uses for long: they try again', async () => {
    const done = await run();
    for (const _ of done.slice(1)) await undo();
    const all = (await tables()).join(', ');
    const [holder, other] = await Promise.all([database.pool.connect(), database.pool.connect()]);
    try {
      await holder.query(`BEGIN; LOCK TABLE ${all} IN ACCESS SHARE MODE`);
      const running = run();
      await waitsForLock(database);
      // This one stands behind the migration, and would wait for as long as the migration does.
      await other.query(`BEGIN; LOCK TABLE ${all} IN ACCESS SHARE MODE; COMMIT`);
      await holder.query('COMMIT');
      expect(await running).toEqual(done.slice(1));
    } finally {
      holder.release(true);
      other.release(true);
    }
  });

  it('run once when several instances start at the same time', async () => {
    const results = await Promise.all([run(), run(), run(), run()]);
    expect(results.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await tables()).toContain('threads');
  });

  it('can be undone where nothing was done', async () => {
    await undo();
    expect(await tables()).not.toContain('threads');
  });
});
