import { newId } from '../../src/common/ids';
import { startTestApp, type TestApp } from '../support/world/app';

const TENANTS = 6;
const MESSAGES = 4_000;

/** What a search walks through: the index, of one user or organization, however much of the same others have. */
describe('Plan of a search', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
    for (let n = 0; n < TENANTS; n += 1) await fill(`org${n}`);
    await app.db.query('VACUUM ANALYZE messages, threads');
  });
  afterAll(() => app.close());

  const fill = async (org: string) => {
    await app.db.query('INSERT INTO organizations (id) VALUES ($1)', [org]);
    for (const user of ['alice', 'bob']) {
      const id = newId();
      await app.db.query('INSERT INTO users (org_id, id) VALUES ($1, $2)', [org, user]);
      await app.db.query(`INSERT INTO threads (org_id, id, user_id, name) VALUES ($1, $2, $3, 'x')`, [org, id, user]);
      // Everybody has the words; the two together stand in a few messages of each.
      await app.db.query(
        `INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at)
         SELECT $1, $2, n, gen_random_uuid(), 'user', jsonb_build_object('type', 'text', 'text', 'word' || n || CASE
           WHEN n % 400 = 0 THEN ' amber basalt' WHEN n % 2 = 0 THEN ' amber' ELSE ' basalt' END), now(), now()
         FROM generate_series(1, $3::int) n`,
        [org, id, MESSAGES],
      );
    }
  };

  /** The plans of the statements inside the function, as its role runs them. */
  const plansOf = async (all: boolean) => {
    const client = await app.db.connect();
    const plans: string[] = [];
    client.on('notice', ({ message }) => plans.push(message ?? ''));
    try {
      await client.query(`LOAD 'auto_explain'; BEGIN; SET LOCAL auto_explain.log_min_duration = 0;
        SET LOCAL auto_explain.log_analyze = on; SET LOCAL auto_explain.log_nested_statements = on;
        SET LOCAL auto_explain.log_level = notice; SET LOCAL auto_explain.log_format = json;
        SET LOCAL client_min_messages = notice; SET LOCAL ROLE throughline_app; SET LOCAL app.org_id = 'org1'`);
      const { rows } = await client.query(
        `SELECT seq FROM throughline_search_messages('org1', 'alice', $1, 'amber basalt', '{fts}', '{}', 50)`,
        [all],
      );
      return { found: rows.length, plan: plans.filter((text) => /search @@/.test(text)).join('\n') };
    } finally {
      await client.query('ROLLBACK');
      client.release(true);
    }
  };

  it.each([
    ['a member', false, MESSAGES / 400],
    ['an admin', true, (2 * MESSAGES) / 400],
  ])('F49 S47 of %s uses the index and visits no message but the matches', async (_, all, matches) => {
    const { found, plan } = await plansOf(all);
    expect(found).toBe(matches);
    expect(plan).toContain('messages_search_idx');
    expect(plan).not.toMatch(/"Seq Scan",[^}]*"Relation Name": "messages"/);
    const visited = [...plan.matchAll(/"(?:Actual Rows|Rows Removed by [\w ]+)": ([\d.]+)/g)].map(([, count]) =>
      Number(count),
    );
    expect(visited.length).toBeGreaterThan(3);
    // Beside them the few threads that there are, read whole at worst.
    const threads = await app.db.query<{ count: number }>('SELECT count(*)::int AS count FROM threads');
    expect(Math.max(...visited)).toBeLessThanOrEqual(matches + threads.rows[0].count);
  });
});
