import { makePrincipal } from '../../src/organizations/principal';
import { newId } from '../../src/common/ids';
import { byThread } from '../../src/threads/target';
import { MessagesRepository } from '../../src/messages/read/messages.repository';
import { startTestApp, type TestApp } from '../support/world/app';
import { explain } from '../support/house/plans';

const ORG = 'plans';
const MESSAGES = 10_000;

/** X02: what a context reads of a long conversation, as the tenant's role reads it, under row-level security. */
describe('Plan of a context', () => {
  let app: TestApp;
  const threadId = newId();

  beforeAll(async () => {
    app = await startTestApp();
    await app.as(ORG, 'alice');
    await app.db.query(`INSERT INTO users (org_id, id) VALUES ($1, 'alice') ON CONFLICT DO NOTHING`, [ORG]);
    await app.db.query(
      `INSERT INTO threads (org_id, id, user_id, name, last_seq, message_count) VALUES ($1, $2, 'alice', 'x', $3, $3)`,
      [ORG, threadId, MESSAGES],
    );
    await app.db.query(
      `INSERT INTO messages (org_id, thread_id, seq, id, role, content, token_count, created_at, updated_at)
       SELECT $1, $2, n, gen_random_uuid(), 'user', '{"type":"text","text":"x"}', 50, now(), now()
       FROM generate_series(1, $3::int) n`,
      [ORG, threadId, MESSAGES],
    );
    await app.db.query('ANALYZE threads, messages, sessions, summaries');
  });
  afterAll(() => app.close());

  it('reads the window and the first message, and none in between', async () => {
    const principal = makePrincipal(ORG, 'alice', 'member');
    const slice = { limit: 200, tokens: 4000, reserved: 0 };
    const plan = await explain(
      app,
      ORG,
      (tx) => new MessagesRepository().contextWindow(tx, principal, byThread(threadId), slice),
      'ANALYZE, FORMAT JSON',
    );
    const rows = [...plan.matchAll(/"(?:Actual Rows|Rows Removed by Filter)":(\d+)/g)].map(([, count]) =>
      Number(count),
    );
    expect(Math.max(...rows)).toBeLessThanOrEqual(200);
    expect(plan).toContain('messages_pkey');
    expect(plan).not.toMatch(/Seq Scan","Parent[^}]*"Relation Name":"messages"/);
  });
});
