import { makePrincipal } from '../../src/organizations/principal';
import { newId } from '../../src/common/ids';
import { AppendRepository } from '../../src/messages/append/append.repository';
import { MessagesRepository } from '../../src/messages/read/messages.repository';
import {
  SessionListRepository,
  type SessionFilter,
  type SessionSlice,
} from '../../src/sessions/list/session-list.repository';
import { SessionOpeningRepository } from '../../src/sessions/opening/session-opening.repository';
import { SessionsRepository } from '../../src/sessions/sessions.repository';
import { bySession } from '../../src/threads/target';
import { startTestApp, type TestApp } from '../support/world/app';
import { explain as explainIn } from '../support/house/plans';

const ORG = 'plans';
const SESSIONS = 5000;
const USER = makePrincipal(ORG, 'user1', 'member');

/** X02: the statements that sessions add to the hot paths, as the tenant's role runs them, under row-level security. */
describe('Plans of sessions', () => {
  let app: TestApp;
  const threadId = newId();

  beforeAll(async () => {
    app = await startTestApp();
    await app.as(ORG, 'alice');
    await app.db.query(`INSERT INTO users (org_id, id) SELECT $1, 'user' || n FROM generate_series(1, 50) n`, [ORG]);
    // As many threads that are no sessions, which a list of sessions must not wade through.
    await app.db.query(
      `INSERT INTO threads (org_id, id, user_id, name, session_id, updated_at)
       SELECT $1, gen_random_uuid(), 'user' || (1 + n % 50), 'x', CASE WHEN n % 2 = 0 THEN 's' || n END,
         now() - n * interval '1 min'
       FROM generate_series(1, $2::int * 2) n`,
      [ORG, SESSIONS],
    );
    await app.db.query(
      `INSERT INTO threads (org_id, id, user_id, name, session_id, last_seq, message_count)
       VALUES ($1, $2, 'user1', 'x', 'big', $3, $3)`,
      [ORG, threadId, SESSIONS],
    );
    await app.db.query(
      `INSERT INTO sessions (org_id, user_id, id, thread_id)
       SELECT org_id, user_id, session_id, id FROM threads WHERE session_id IS NOT NULL`,
    );
    await app.db.query(
      `INSERT INTO messages (org_id, thread_id, seq, id, role, content, created_at, updated_at)
       SELECT $1, $3, n, gen_random_uuid(), 'user', '{"type":"text","text":"x"}', now(), now() FROM generate_series(1, $2) n`,
      [ORG, SESSIONS, threadId],
    );
    await app.db.query('ANALYZE threads, sessions, messages');
  });
  afterAll(() => app.close());

  const explain = async (work: Parameters<typeof explainIn>[2]): Promise<string> => {
    const plan = await explainIn(app, ORG, work);
    expect(plan).not.toContain('Seq Scan');
    return plan;
  };

  /** A cursor somewhere in the list. */
  const middle = [new Date(Date.now() - SESSIONS * 60_000).toISOString(), threadId];
  const slice: SessionSlice = { sort: 'updated_at', order: 'desc', limit: 21, offset: 0 };
  const list = (filter: Partial<SessionFilter>, parts: Partial<SessionSlice> = {}) =>
    explain((tx) => new SessionListRepository().list(tx, { orgId: ORG, ...filter }, { ...slice, ...parts }));

  it.each(['asc', 'desc'] as const)('X02 a page of a user is read in the order of an index, %s', async (order) => {
    for (const after of [undefined, middle]) {
      const plan = await list({ userId: 'user7' }, { order, after });
      expect(plan).toContain('threads_session_user_updated_at_idx');
      expect(plan).toContain('sessions_thread_id_key');
      expect(plan).not.toContain('"Sort"');
    }
  });

  it.each(['asc', 'desc'] as const)('X02 so is a page of the organization, %s', async (order) => {
    for (const after of [undefined, middle]) {
      const plan = await list({}, { order, after });
      expect(plan).toContain('threads_session_updated_at_idx');
      expect(plan).not.toContain('"Sort"');
    }
  });

  it('X02 a prefix and an order by creation use indexes too', async () => {
    await list({ userId: 'user7', prefix: 's1' });
    await list({ prefix: 's1' });
    await list({ userId: 'user7' }, { sort: 'created_at' });
    expect(await list({}, { sort: 'created_at' })).not.toContain('"Sort"');
  });

  it.each(['asc', 'desc'] as const)('X02 the messages of a long session are read by their key, %s', async (order) => {
    const plan = await explain((tx) =>
      new MessagesRepository().list(tx, USER, bySession('big'), { order, limit: 20, offset: 0 }),
    );
    for (const index of ['sessions_pkey', 'threads_pkey', 'messages_pkey']) expect(plan).toContain(index);
  });

  it('X02 an append finds its session by its key', async () => {
    const content = { type: 'text', text: 'x' };
    const message = { id: newId(), role: 'user', content, metadata: {}, token_count: 1, cost: '0' } as const;
    const prepared = { messages: [message], json: [JSON.stringify(message)] };
    const plan = await explain((tx) => new AppendRepository().append(tx, USER, bySession('big'), prepared));
    for (const index of ['sessions_pkey', 'threads_pkey']) expect(plan).toContain(index);
  });

  it('X02 so do what finds, holds and deletes a session; the eviction looks at notebooks only, by an index', async () => {
    const repository = new SessionsRepository();
    const opening = new SessionOpeningRepository();
    const plans = [
      await explain((tx) => repository.find(tx, USER, 'big')),
      await explain((tx) => opening.hold(tx, USER, 'big')),
      await explain((tx) => repository.findMany(tx, USER, ['big', 's2'])),
      await explain((tx) => repository.delete(tx, USER, 'big')),
      await explain((tx) => repository.deleteByPrefix(tx, USER, 's1')),
      await explain((tx) => repository.touch(tx, USER, 'big', { ttlMs: 1, maxAgeMs: 1 })),
    ];
    for (const plan of plans) expect(plan).toContain('sessions_pkey');
    const eviction = await explain((tx) => opening.evict(tx, ORG, 1));
    expect(eviction).toContain('sessions_awake_notebooks_idx');
    expect(eviction).not.toContain('Seq Scan');
  });
});
