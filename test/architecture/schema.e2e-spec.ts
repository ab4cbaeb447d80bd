import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source';
import { cloneDatabase, type TestDatabase } from '../support/world/database';

/** Keys that need not lead with the organization, and why. */
const EXCEPTIONS: Record<string, string> = {
  api_keys_id_key: 'the key is found before its organization is known',
};

describe('The schema', () => {
  let database: TestDatabase;
  const rows = async <T>(statement: string) => (await database.pool.query(statement)).rows as T[];

  beforeAll(async () => (database = await cloneDatabase()));
  afterAll(() => database.drop());

  it('has row-level security, enabled and forced, on every table', async () => {
    const tables = await rows<{ name: string; enabled: boolean; forced: boolean }>(`
      SELECT relname AS name, relrowsecurity AS enabled, relforcerowsecurity AS forced
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND relname <> 'throughline_migrations'`);
    expect(tables.length).toBeGreaterThanOrEqual(7);
    expect(tables.filter(({ enabled, forced }) => !enabled || !forced)).toEqual([]);
  });

  it('has one policy a table for the application, which compares the organization on reads and writes', async () => {
    const policies = await rows<{ table: string; command: string; reads: string; writes: string }>(`
      SELECT tablename AS table, cmd AS command, qual AS reads, with_check AS writes
      FROM pg_policies WHERE schemaname = 'public' AND 'throughline_app' = ANY (roles)`);
    const tables = await rows<{ name: string }>(`
      SELECT tablename AS name FROM pg_tables
      WHERE schemaname = 'public' AND tablename <> 'throughline_migrations'`);
    expect(policies.map(({ table }) => table).sort()).toEqual(tables.map(({ name }) => name).sort());
    for (const { table, command, reads, writes } of policies) {
      const column = table === 'organizations' ? 'id' : 'org_id';
      const check = `(${column} = current_setting('app.org_id'::text, true))`;
      expect({ table, command, reads, writes }).toEqual({ table, command: 'ALL', reads: check, writes: check });
    }
  });

  it('leads every primary, unique and foreign key with the organization', async () => {
    const keys = await rows<{ name: string; first: string }>(`
      SELECT i.relname AS name, pg_get_indexdef(x.indexrelid, 1, true) AS first
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
      WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique
        AND t.relname NOT IN ('throughline_migrations', 'organizations')
      UNION ALL
      SELECT c.conname, a.attname
      FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
      WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace`);
    expect(keys.length).toBeGreaterThan(8);
    const others = keys.filter(({ first }) => first !== 'org_id').map(({ name }) => name);
    expect(others.sort()).toEqual(Object.keys(EXCEPTIONS).sort());
  });

  it('points foreign keys only at keys of the same organization', async () => {
    const wrong = await rows(`
      SELECT c.conname
      FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1]
      WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
        AND a.attname <> CASE c.confrelid WHEN 'organizations'::regclass THEN 'id' ELSE 'org_id' END`);
    expect(wrong).toEqual([]);
  });

  it('gives its roles nothing that goes around the policies', async () => {
    const roles = await rows(`
      SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolinherit
      FROM pg_roles WHERE rolname LIKE 'throughline\\_%' ORDER BY 1`);
    const nothing = { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false };
    const expected = { ...nothing, rolcanlogin: false, rolinherit: false };
    expect(roles).toEqual([
      { rolname: 'throughline_app', ...expected },
      { rolname: 'throughline_search', ...expected },
      { rolname: 'throughline_system', ...expected },
    ]);
    const owned = await rows(`
      SELECT relname AS name FROM pg_class WHERE pg_get_userbyid(relowner) LIKE 'throughline\\_%'
      UNION ALL SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) LIKE 'throughline\\_%'
      ORDER BY 1`);
    // What reads as its owner, who may read memories, where messages are and their words; see test/search-limits.e2e-spec.ts.
    const functions = ['memories', 'messages', 'scan', 'words'].map((name) => ({ name: `throughline_search_${name}` }));
    expect(owned).toEqual(functions);
    const callable = await rows(`
      SELECT p.proname AS name FROM pg_proc p
      WHERE pg_get_userbyid(p.proowner) = 'throughline_search' AND has_function_privilege('throughline_app', p.oid, 'EXECUTE')
      ORDER BY 1`);
    expect(callable).toEqual(functions.slice(0, 2));
    const searched = await rows<{ table: string; privilege: string }>(`
      SELECT DISTINCT table_name AS table, privilege_type AS privilege FROM information_schema.column_privileges
      WHERE grantee = 'throughline_search'`);
    const tables = ['memories', 'messages', 'organizations', 'shares', 'threads'];
    expect(searched.sort((a, b) => (a.table < b.table ? -1 : 1))).toEqual(
      tables.map((table) => ({ table, privilege: 'SELECT' })),
    );
    const contents = await rows(`
      SELECT column_name AS column FROM information_schema.column_privileges
      WHERE grantee = 'throughline_search' AND table_name = 'messages' AND column_name IN ('content', 'name', 'request_hash')`);
    expect(contents).toEqual([]);
    const dangerous = await rows(`
      SELECT table_name, privilege_type FROM information_schema.role_table_grants
      WHERE grantee LIKE 'throughline\\_%' AND privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')`);
    expect(dangerous).toEqual([]);
  });

  it('keeps messages and threads out of the sight of the system role, but for whose have expired or are in the trash', async () => {
    const grants = await rows<{ name: string }>(`
      SELECT DISTINCT table_name AS name FROM information_schema.role_table_grants
      WHERE grantee = 'throughline_system' ORDER BY 1`);
    expect(grants.map(({ name }) => name)).toEqual(['api_keys', 'organizations', 'users']);
    const columns = await rows<{ granted: string }>(`
      SELECT concat_ws(' ', privilege_type, table_name, column_name) AS granted
      FROM information_schema.role_column_grants c
      WHERE grantee = 'throughline_system' AND NOT EXISTS (
        SELECT FROM information_schema.role_table_grants t
        WHERE t.grantee = c.grantee AND t.table_name = c.table_name AND t.privilege_type = c.privilege_type)
      ORDER BY 1`);
    const readable = {
      deleted_messages: ['deleted_at', 'org_id'],
      erasures: ['id', 'org_id', 'status', 'updated_at'],
      idempotency_keys: ['created_at', 'org_id'],
      memories: ['expires_at', 'org_id'],
      message_changes: ['created_at', 'org_id'],
      shares: ['expires_at', 'org_id'],
      threads: ['deleted_at', 'expires_at', 'org_id'],
    };
    expect(columns.map(({ granted }) => granted)).toEqual(
      Object.entries(readable).flatMap(([table, names]) => names.map((name) => `SELECT ${table} ${name}`)),
    );
    const policies = await rows(`
      SELECT tablename AS table, cmd AS command, qual AS reads FROM pg_policies
      WHERE tablename NOT IN ('api_keys', 'organizations', 'users') AND 'throughline_system' = ANY (roles) ORDER BY 1, 3`);
    // Where rows are all in sight, columns are not: see above.
    expect(policies).toEqual([
      { table: 'deleted_messages', command: 'SELECT', reads: 'true' },
      { table: 'erasures', command: 'SELECT', reads: "(status = 'running'::text)" },
      { table: 'idempotency_keys', command: 'ALL', reads: 'true' },
      { table: 'memories', command: 'SELECT', reads: '(expires_at < now())' },
      { table: 'message_changes', command: 'SELECT', reads: 'true' },
      { table: 'shares', command: 'SELECT', reads: '(expires_at < now())' },
      { table: 'threads', command: 'SELECT', reads: '(deleted_at IS NOT NULL)' },
      { table: 'threads', command: 'SELECT', reads: '(expires_at < now())' },
    ]);
  });

  it('shows the system role no more than that of a thread', async () => {
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`INSERT INTO organizations (id) VALUES ('expired'), ('lives'), ('plain'), ('trash')`);
      await client.query(`INSERT INTO users (org_id, id) SELECT id, 'alice' FROM organizations`);
      await client.query(`
        INSERT INTO threads (org_id, id, user_id, name, expires_at, deleted_at) VALUES
          ('expired', gen_random_uuid(), 'alice', 'x', now() - interval '1 s', NULL),
          ('lives', gen_random_uuid(), 'alice', 'x', now() + interval '1 h', NULL),
          ('plain', gen_random_uuid(), 'alice', 'x', NULL, NULL),
          ('trash', gen_random_uuid(), 'alice', 'x', NULL, now())`);
      await client.query('SET LOCAL ROLE throughline_system');
      const seen = (await client.query('SELECT org_id FROM threads ORDER BY 1')).rows;
      expect(seen).toEqual([{ org_id: 'expired' }, { org_id: 'trash' }]);
      for (const statement of [
        'SELECT content FROM deleted_messages',
        'SELECT id FROM deleted_messages',
        'SELECT thread_id FROM message_changes',
        'SELECT FROM message_revisions',
        'DELETE FROM deleted_messages',
        'DELETE FROM message_changes',
        'SELECT name FROM threads',
        'SELECT id FROM threads',
        'SELECT * FROM threads',
        'SELECT FROM messages',
        'SELECT FROM sessions',
        'DELETE FROM threads',
        'UPDATE threads SET expires_at = now()',
        'SELECT org_id FROM threads FOR UPDATE',
      ]) {
        await client.query('SAVEPOINT attempt');
        await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
        await client.query('ROLLBACK TO attempt');
      }
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  it('S43 is what the entities say: the difference is empty', async () => {
    const dataSource = await new DataSource(dataSourceOptions(database.url)).initialize();
    try {
      expect(dataSource.entityMetadatas.length).toBeGreaterThan(3);
      const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });
});
