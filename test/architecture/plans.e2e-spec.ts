import { newId } from '../../src/common/ids';
import { MessagesRepository } from '../../src/messages/read/messages.repository';
import { makePrincipal } from '../../src/organizations/principal';
import { ThreadListRepository, type ThreadFilter } from '../../src/threads/list/thread-list.repository';
import { byThread } from '../../src/threads/target';
import { startTestApp, type TestApp } from '../support/world/app';
import { explain as explainIn } from '../support/house/plans';

const ORG = 'plans';
const THREADS = 5000;
const USER = makePrincipal(ORG, 'user1', 'member');

/** X02: the statements of the hot paths, as the tenant's role runs them, under row-level security. */
describe('Plans', () => {
  let app: TestApp;
  const threadId = newId();

  beforeAll(async () => {
    app = await startTestApp();
    await app.as(ORG, 'alice');
    const values = [ORG, THREADS, threadId];
    await app.db.query(`INSERT INTO users (org_id, id) SELECT $1, 'user' || n FROM generate_series(1, 50) n`, [ORG]);
    await app.db.query(
      `INSERT INTO threads (org_id, id, user_id, name, updated_at)
       SELECT $1, gen_random_uuid(), 'user' || (1 + n % 50), 'x', now() - n * interval '1 min' FROM generate_series(1, $2) n`,
      values.slice(0, 2),
    );
    await app.db.query(
      `INSERT INTO threads (org_id, id, user_id, name, last_seq, message_count) VALUES ($1, $3, 'user1', 'x', $2, $2)`,
      values,
    );
    await app.db.query(
      `INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at)
       SELECT $1, $3, n, gen_random_uuid(), 'user', '{"type":"text","text":"x"}', now(), now() FROM generate_series(1, $2) n`,
      values,
    );
    await app.db.query('ANALYZE threads, messages');
  });
  afterAll(() => app.close());

  const explain = (work: Parameters<typeof explainIn>[2]) => explainIn(app, ORG, work);

  const filter: ThreadFilter = { orgId: ORG, statuses: ['active'] };
  const slice = { order: 'desc', limit: 21, offset: 0 } as const;
  const list = (parts: Partial<ThreadFilter>, sort: 'updated_at' | 'created_at') =>
    explain((tx) => new ThreadListRepository().list(tx, { ...filter, ...parts }, { ...slice, sort }));

  it('X02 a page of a user is read in the order of an index, without a sort', async () => {
    const plan = await list({ userId: 'user7' }, 'updated_at');
    expect(plan).toContain('threads_user_id_status_updated_at_idx');
    expect(plan).not.toContain('Seq Scan');
  });

  it('X02 so is a page of the organization, and one by creation', async () => {
    expect(await list({}, 'updated_at')).toContain('threads_status_updated_at_idx');
    expect(await list({ userId: 'user7' }, 'created_at')).toContain('threads_user_id_id_idx');
    expect(await list({}, 'created_at')).toContain('threads_pkey');
  });

  it.each(['asc', 'desc'] as const)(
    'X02 the end of a thread of 5,000 messages is read by its key, %s',
    async (order) => {
      const plan = await explain((tx) =>
        new MessagesRepository().list(tx, USER, byThread(threadId), { order, limit: 20, offset: 0 }),
      );
      expect(plan).toContain('messages_pkey');
      expect(plan).not.toContain('Seq Scan');
    },
  );
});
