import { setTimeout as sleep } from 'node:timers/promises';
import { CleanupService } from '../../src/cleanup/cleanup.service';
import { startTestApp, TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';

interface Session {
  readonly orgId: string;
  readonly threadId: string;
}

interface Making {
  /** Since the last write. */
  hours?: number;
  /** After the last write; null: it never expires. Otherwise as the server is configured: 24. */
  lifetimeHours?: number | null;
  /** Evicted: the thread has lost its session's name. */
  asleep?: boolean;
  /** Another server than the test's. */
  at?: TestApp;
}

describe('Cleanup', () => {
  let app: TestApp;
  let count = 0;

  beforeAll(async () => (app = await startTestApp()));
  afterAll(() => app?.close());
  beforeEach(() => app.db.query('DELETE FROM threads WHERE expires_at < now()'));

  /** An organization that no other test knows. */
  const newOrganization = async () => {
    const orgId = `org${(count += 1)}`;
    await app.db.query('INSERT INTO organizations (id) VALUES ($1)', [orgId]);
    await app.db.query(`INSERT INTO users (org_id, id) VALUES ($1, 'alice')`, [orgId]);
    return { orgId, admin: await app.as(orgId, 'root', 'admin'), alice: await app.as(orgId, 'alice') };
  };

  /** One with two messages, whose last write was so many hours ago. */
  const makeSession = async (orgId: string, { hours = 0, lifetimeHours, asleep = false, at }: Making = {}) => {
    const alice = await app.as(orgId, 'alice');
    const client = at ? alice.at(at.url) : alice;
    const message = { role: 'user', content: 'Hello', token_count: 5, cost: 0.125 };
    const session_id = `session${(count += 1)}`;
    const made = await client.post('/sessions', { session_id, notebook_id: 'nb' });
    const written = await client.post(`/sessions/${session_id}/messages`, { messages: [message, message] });
    expect([made.status, written.status]).toEqual([201, 201]);
    const threadId: string = made.body.thread_id;
    if (lifetimeHours !== undefined)
      await app.db.query(
        `UPDATE threads SET lifetime_ms = $2::float8 * 3600000,
           expires_at = updated_at + make_interval(secs => $2::float8 * 3600) WHERE id = $1`,
        [threadId, lifetimeHours],
      );
    await app.db.query(
      `UPDATE threads SET updated_at = updated_at - make_interval(secs => $2::float8 * 3600),
         expires_at = expires_at - make_interval(secs => $2::float8 * 3600),
         session_id = CASE WHEN $3 THEN NULL ELSE session_id END WHERE id = $1`,
      [threadId, hours, asleep],
    );
    return { orgId, threadId };
  };

  /** Rows of threads, sessions and messages that are left of a session, and of threads in the trash. */
  const leftOf = async ({ orgId, threadId }: Session) => {
    const { rows } = await app.db.query<{ left: number[] }>(
      `SELECT array[(SELECT count(*) FROM threads WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL),
         (SELECT count(*) FROM sessions WHERE org_id = $1 AND thread_id = $2),
         (SELECT count(*) FROM messages WHERE org_id = $1 AND thread_id = $2),
         (SELECT count(*) FROM threads WHERE org_id = $1 AND id = $2 AND deleted_at IS NOT NULL)]::int[] AS left`,
      [orgId, threadId],
    );
    return rows[0].left;
  };
  const [WHOLE, TRASHED, GONE] = [
    [1, 1, 2, 0],
    [0, 1, 2, 1],
    [0, 0, 0, 0],
  ];

  const clean = async (admin: Client, body?: object) => {
    const answer = await admin.post('/admin/cleanup', body);
    expect(answer.status).toBe(200);
    return answer.body;
  };

  const everySecond = { CLEANUP_ENABLED: 'true', CLEANUP_CRON: '* * * * * *' };

  const until = async (condition: () => Promise<boolean>) => {
    for (let tries = 0; !(await condition()); tries += 1) {
      if (tries === 600) throw new Error('It did not happen within a minute');
      await sleep(100);
    }
  };

  describe('of what has expired', () => {
    it('N22 C36 moves a session to the trash 25 hours after its last write, and keeps one of 23 hours', async () => {
      const { orgId, admin, alice } = await newOrganization();
      const [stale, fresh] = [await makeSession(orgId, { hours: 25 }), await makeSession(orgId, { hours: 23 })];
      const answer = await clean(admin);
      expect(answer).toMatchObject({ expired_sessions: 1, old_sessions: 0, deleted: 1 });
      expect([await leftOf(stale), await leftOf(fresh)]).toEqual([TRASHED, WHOLE]);
      expect((await alice.get(`/threads/${fresh.threadId}`)).status).toBe(200);
      expect(await clean(admin)).toMatchObject({ expired_sessions: 0, deleted: 0 });
      expect((await alice.get('/threads/trash')).body.data.map(({ id }: any) => id)).toEqual([stale.threadId]);
      expect((await alice.post(`/threads/${stale.threadId}/restore`)).status).toBe(200);
      expect(await leftOf(stale)).toEqual(WHOLE);
    });

    it('N22 C15 removes it for good after its days there, and at once where nothing is kept', async () => {
      const { orgId, admin, alice } = await newOrganization();
      const [long, stale] = [await makeSession(orgId, { hours: 32 * 24 }), await makeSession(orgId, { hours: 25 })];
      expect(await clean(admin)).toMatchObject({ expired_sessions: 2, trashed_threads: 1 });
      expect([await leftOf(long), await leftOf(stale)]).toEqual([GONE, TRASHED]);
      const other = await app.second({ TRASH_RETENTION_DAYS: '0' });
      const next = await makeSession(orgId, { hours: 25 });
      expect(await clean(admin.at(other.url))).toMatchObject({ expired_sessions: 1, trashed_threads: 1 });
      expect([await leftOf(next), await leftOf(stale)]).toEqual([GONE, GONE]);
      expect((await alice.get('/threads/trash')).body.data).toEqual([]);
    });

    it('N25 goes by SESSION_MAX_AGE_HOURS', async () => {
      const { orgId, admin } = await newOrganization();
      const at = await app.second({ SESSION_MAX_AGE_HOURS: '1' });
      const [stale, fresh] = [await makeSession(orgId, { hours: 2, at }), await makeSession(orgId, { hours: 0.5, at })];
      const ofOthers = await makeSession(orgId, { hours: 2 });
      expect(await clean(admin)).toMatchObject({ expired_sessions: 1 });
      expect([await leftOf(stale), await leftOf(fresh), await leftOf(ofOthers)]).toEqual([TRASHED, WHOLE, WHOLE]);
    });

    it('C15 U56 is not needed for that: what has expired is out of sight at once', async () => {
      const { orgId, admin, alice } = await newOrganization();
      const stale = await makeSession(orgId, { hours: 25 });
      for (const client of [alice, admin])
        expectProblem(await client.get(`/threads/${stale.threadId}`), 404, 'THREAD_NOT_FOUND');
      expect(await leftOf(stale)).toEqual(WHOLE);
      await clean(admin);
      expect(await leftOf(stale)).toEqual(TRASHED);
    });

    it('X04 removes those of every organization, sleeping ones too, and never a plain thread', async () => {
      const [ours, theirs] = [await newOrganization(), await newOrganization()];
      const expired = [
        await makeSession(ours.orgId, { hours: 25 }),
        await makeSession(ours.orgId, { hours: 25, asleep: true }),
        await makeSession(theirs.orgId, { hours: 25 }),
      ];
      const kept = await makeSession(theirs.orgId, { hours: 1 });
      const { id } = await ours.alice.createThread('Plain');
      await app.db.query(`UPDATE threads SET updated_at = now() - interval '10 years' WHERE id = $1`, [id]);
      const removed = await app.app.get(CleanupService, { strict: false }).run();
      expect(removed).toMatchObject({ expired_sessions: 3 });
      for (const session of expired) expect(await leftOf(session)).toEqual(TRASHED);
      expect(await leftOf(kept)).toEqual(WHOLE);
      expect((await ours.alice.get(`/threads/${id}`)).status).toBe(200);
    });

    it('C15 U107 keeps a session without a lifetime for ever', async () => {
      const { orgId, admin } = await newOrganization();
      const eternal = await makeSession(orgId, { hours: 24 * 400, lifetimeHours: null });
      expect(await clean(admin)).toMatchObject({ deleted: 0 });
      expect(await leftOf(eternal)).toEqual(WHOLE);
    });

    it('C58 removes each once, however many ask, and goes on after a full batch', async () => {
      const organizations = [await newOrganization(), await newOrganization(), await newOrganization()];
      for (const { orgId } of organizations) {
        await app.db.query(
          `INSERT INTO threads (org_id, id, user_id, name, lifetime_ms, expires_at, updated_at)
           SELECT $1, gen_random_uuid(), 'alice', 'x', 1000, now() - interval '1 s', now() - interval '2 s'
           FROM generate_series(1, 120)`,
          [orgId],
        );
      }
      const other = await app.second();
      const answers = await Promise.all(
        organizations.flatMap(({ admin }) => [clean(admin), clean(admin.at(other.url))]),
      );
      expect(answers.reduce((sum, { expired_sessions }) => sum + expired_sessions, 0)).toBe(360);
      expect(await clean(organizations[0].admin)).toMatchObject({ expired_sessions: 0 });
      const { rows } = await app.db.query('SELECT FROM threads WHERE expires_at < now()');
      expect(rows).toEqual([]);
    });

    it('waits for nobody who is writing to a session, and keeps it if it lives on', async () => {
      const { orgId, admin } = await newOrganization();
      const [held, stale] = [await makeSession(orgId, { hours: 25 }), await makeSession(orgId, { hours: 25 })];
      const writer = await app.db.connect();
      try {
        await writer.query('BEGIN');
        await writer.query('UPDATE threads SET updated_at = now(), expires_at = $2 WHERE id = $1', [
          held.threadId,
          new Date(Date.now() + 3_600_000),
        ]);
        expect(await clean(admin)).toMatchObject({ expired_sessions: 1 });
        await writer.query('COMMIT');
      } finally {
        writer.release();
      }
      expect(await clean(admin)).toMatchObject({ expired_sessions: 0 });
      expect([await leftOf(held), await leftOf(stale)]).toEqual([WHOLE, TRASHED]);
    });
  });

  describe('of what is old', () => {
    const DAY = 24;

    it('P33 removes the sessions that were last written to more than 7 days ago', async () => {
      const { orgId, admin, alice } = await newOrganization();
      const endless = { lifetimeHours: null };
      const old = [
        await makeSession(orgId, { hours: 8 * DAY, ...endless }),
        await makeSession(orgId, { hours: 8 * DAY, lifetimeHours: 30 * DAY }),
        await makeSession(orgId, { hours: 8 * DAY, asleep: true, ...endless }),
      ];
      const kept = await makeSession(orgId, { hours: 6 * DAY, ...endless });
      const plain = await alice.createThread('Plain');
      await app.db.query(`UPDATE threads SET updated_at = now() - interval '8 days' WHERE id = $1`, [plain.id]);
      expect(await clean(admin)).toMatchObject({ deleted: 0 });
      expect(await clean(admin, {})).toMatchObject({ deleted: 0 });
      const answer = await clean(admin, { older_than_days: 7 });
      const trash = { trashed_threads: 0, deleted_messages: 0, message_changes: 0 };
      const expired = { idempotency_keys: 0, expired_sessions: 0, expired_memories: 0, expired_shares: 0 };
      const nothing = { ...expired, ...trash };
      expect(answer).toEqual({ ...nothing, old_sessions: 3, deleted: 3 });
      for (const session of old) expect(await leftOf(session)).toEqual(GONE);
      expect(await leftOf(kept)).toEqual(WHOLE);
      expect((await alice.get(`/threads/${plain.id}`)).status).toBe(200);
      expect(await clean(admin, { older_than_days: 7 })).toMatchObject({ deleted: 0 });
    });

    it("P33 touches the caller's organization only", async () => {
      const [ours, theirs] = [await newOrganization(), await newOrganization()];
      const endless = { hours: 8 * DAY, lifetimeHours: null };
      const [mine, strangers] = [await makeSession(ours.orgId, endless), await makeSession(theirs.orgId, endless)];
      const expired = await makeSession(theirs.orgId, { hours: 25 });
      const answer = await clean(ours.admin, { older_than_days: 7 });
      expect(answer).toMatchObject({ expired_sessions: 0, old_sessions: 1, deleted: 1 });
      expect([await leftOf(mine), await leftOf(expired), await leftOf(strangers)]).toEqual([GONE, WHOLE, WHOLE]);
    });

    it('P33 takes fractions of days, and more than a batch', async () => {
      const { orgId, admin } = await newOrganization();
      const kept = await makeSession(orgId, { hours: 11 });
      await Promise.all(Array.from({ length: 60 }, () => makeSession(orgId, { hours: 13 })));
      const answers = await Promise.all([1, 2].map(() => clean(admin, { older_than_days: 0.5 })));
      expect(answers[0].old_sessions + answers[1].old_sessions).toBe(60);
      expect(await leftOf(kept)).toEqual(WHOLE);
    });

    it('P33 refuses what is no number of days, and whoever is no admin', async () => {
      const { orgId, admin, alice } = await newOrganization();
      const old = await makeSession(orgId, { hours: 8 * DAY, lifetimeHours: null });
      for (const days of [0, -1, '7', null, true, 1e9, [7]])
        expectProblem(await admin.post('/admin/cleanup', { older_than_days: days }), 400, 'VALIDATION_FAILED');
      expectProblem(await admin.post('/admin/cleanup', { olderThanDays: 7 }), 400, 'VALIDATION_FAILED');
      expectProblem(await alice.post('/admin/cleanup', { older_than_days: 7 }), 403);
      const service = await app.as(orgId, 'alice', 'service');
      expectProblem(await service.post('/admin/cleanup', { older_than_days: 7 }), 403);
      expectProblem(await app.anonymous().post('/admin/cleanup', { older_than_days: 7 }), 401);
      expect(await leftOf(old)).toEqual(WHOLE);
    });
  });

  describe('on its schedule', () => {
    it('X04 U107 U59 removes what is stale by itself, and stops with the server', async () => {
      const { orgId } = await newOrganization();
      const [stale, fresh] = [await makeSession(orgId, { hours: 48 }), await makeSession(orgId)];
      const server = await TestApp.over(app.database, everySecond);
      await until(async () => (await leftOf(stale))[0] === 0);
      expect(await leftOf(fresh)).toEqual(WHOLE);
      await server.close();
      const later = await makeSession(orgId, { hours: 48 });
      await sleep(2100);
      expect(await leftOf(later)).toEqual(WHOLE);
    });

    it('X05 removes nothing with CLEANUP_ENABLED=false', async () => {
      const { orgId, admin } = await newOrganization();
      const stale = await makeSession(orgId, { hours: 48 });
      const server = await TestApp.over(app.database, { ...everySecond, CLEANUP_ENABLED: 'false' });
      await sleep(2100);
      expect(await leftOf(stale)).toEqual(WHOLE);
      await server.close();
      expect(await clean(admin)).toMatchObject({ expired_sessions: 1 });
    });
  });

  describe('and its figures', () => {
    it('N38 F71 counts what the organization keeps, without what has expired', async () => {
      const { orgId, admin, alice } = await newOrganization();
      const none = { threads: 0, messages: 0, sessions: 0, active: 0, users: 1, token_count: 0, total_cost: 0 };
      const stats = async (client: Client) => (await client.get('/admin/stats')).body;
      expect(await stats(admin)).toEqual(none);
      await makeSession(orgId);
      await makeSession(orgId);
      await makeSession(orgId, { asleep: true });
      await makeSession(orgId, { hours: 25 });
      const { id } = await alice.createThread('Plain');
      await alice.addMessage(id, { role: 'user', content: 'Hello', token_count: 3, cost: '0.000000000001' });
      const counted = { threads: 4, messages: 7, sessions: 3, active: 2, users: 1, token_count: 33 };
      expect(await stats(admin)).toEqual({ ...counted, total_cost: 0.750000000001 });
      await app.db.query(`UPDATE threads SET expires_at = now() - interval '1 s' WHERE org_id = $1 AND id <> $2`, [
        orgId,
        id,
      ]);
      const rest = { threads: 1, messages: 1, sessions: 0, active: 0, users: 1, token_count: 3, total_cost: 1e-12 };
      expect(await stats(admin)).toEqual(rest);
      await clean(admin);
      expect(await stats(admin)).toEqual(rest);
    });

    it('N38 shows as many active sessions as the list has, and none after the cleanup', async () => {
      const { orgId, admin, alice } = await newOrganization();
      await makeSession(orgId);
      await makeSession(orgId);
      const active = async () => (await alice.get('/sessions', { query: { active: true } })).body.data.length;
      expect([await active(), (await admin.get('/admin/stats')).body.active]).toEqual([2, 2]);
      await app.db.query(`UPDATE threads SET expires_at = expires_at - interval '25 h' WHERE org_id = $1`, [orgId]);
      expect(await clean(admin)).toMatchObject({ expired_sessions: 2 });
      expect([await active(), (await admin.get('/admin/stats')).body.active]).toEqual([0, 0]);
    });

    it('N38 F71 shows them to admins only, each of their own organization', async () => {
      const [ours, theirs] = [await newOrganization(), await newOrganization()];
      await makeSession(ours.orgId);
      expect((await ours.admin.get('/admin/stats')).body).toMatchObject({ threads: 1, active: 1 });
      expect((await theirs.admin.get('/admin/stats')).body).toMatchObject({ threads: 0, messages: 0, active: 0 });
      expectProblem(await ours.alice.get('/admin/stats'), 403);
      expectProblem(await app.anonymous().get('/admin/stats'), 401);
    });
  });
});
