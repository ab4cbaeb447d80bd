import { CleanupService } from '../../src/cleanup/cleanup.service';
import type { Values } from '../../src/database/door/sql';
import { SystemDatabase, type SystemTx } from '../../src/database/door/system-database';
import { CleanupRepository } from '../../src/cleanup/cleanup.repository';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';

describe('Cleanup of the trash', () => {
  let app: TestApp;
  let number = 0;

  beforeAll(async () => (app = await startTestApp({ TRASH_RETENTION_DAYS: '30' })));
  afterEach(async () => expect(await brokenCounters(app.db)).toEqual([]));
  afterAll(() => app?.close());

  /** An organization that no other test knows. */
  const newOrganization = async () => {
    const orgId = `org${(number += 1)}`;
    const [admin, alice] = [await app.as(orgId, 'root', 'admin'), await app.as(orgId, 'alice')];
    return { orgId, admin, alice };
  };

  const aged = (table: string, column: string, days: number, id: string) =>
    app.db.query(
      `UPDATE ${table} SET ${column} = ${column} - make_interval(days => $2)
       WHERE ${table === 'threads' ? 'id' : 'thread_id'} = $1`,
      [id, days],
    );
  const clean = async (admin: Client) => (await admin.post('/admin/cleanup')).body;
  const rows = async (table: string, orgId: string) =>
    (await app.db.query(`SELECT FROM ${table} WHERE org_id = $1`, [orgId])).rowCount;
  const threadOf = async (alice: Client, count = 2) => {
    const { id } = await alice.createThread();
    const messages = await alice.addMessages(id, Array(count).fill({ role: 'user', content: 'x' }));
    return { id: id as string, messages };
  };

  it('X04 removes threads after TRASH_RETENTION_DAYS, and keeps the younger and the living', async () => {
    const { orgId, admin, alice } = await newOrganization();
    const [old, young, living] = [await threadOf(alice), await threadOf(alice), await threadOf(alice)];
    for (const { id } of [old, young]) await alice.delete(`/threads/${id}`);
    await aged('threads', 'deleted_at', 31, old.id);
    await aged('threads', 'deleted_at', 29, young.id);
    await aged('threads', 'updated_at', 400, living.id);
    expect(await clean(admin)).toMatchObject({ trashed_threads: 1, deleted_messages: 0, deleted: 0 });
    expectProblem(await alice.post(`/threads/${old.id}/restore`), 404, 'THREAD_NOT_FOUND');
    expect((await alice.post(`/threads/${young.id}/restore`)).body.message_count).toBe(2);
    expect(await rows('threads', orgId)).toBe(2);
    expect(await clean(admin)).toMatchObject({ trashed_threads: 0 });
  });

  it('X04 removes messages with the revisions of those that are nowhere any more', async () => {
    const { orgId, admin, alice } = await newOrganization();
    const { id, messages } = await threadOf(alice, 3);
    for (const message of messages) await alice.patch(`/messages/${message.id}`, { content: 'edited' });
    await alice.delete(`/messages/${messages[0].id}`);
    await aged('deleted_messages', 'deleted_at', 31, id);
    await alice.delete(`/messages/${messages[1].id}`);
    expect(await clean(admin)).toMatchObject({ deleted_messages: 1, trashed_threads: 0 });
    expect(await rows('message_revisions', orgId)).toBe(2);
    expectProblem(await alice.post(`/messages/${messages[0].id}/restore`), 404, 'MESSAGE_NOT_FOUND');
    expect((await alice.post(`/messages/${messages[1].id}/restore`)).status).toBe(200);
    expect(await clean(admin)).toMatchObject({ deleted_messages: 0 });
  });

  it('X04 removes notes of changes after a week', async () => {
    const { orgId, admin, alice } = await newOrganization();
    const { id, messages } = await threadOf(alice);
    await alice.patch(`/messages/${messages[0].id}`, { content: 'edited' });
    await aged('message_changes', 'created_at', 8, id);
    await alice.patch(`/messages/${messages[0].id}`, { content: 'again' });
    expect(await clean(admin)).toMatchObject({ message_changes: 1 });
    expect(await rows('message_changes', orgId)).toBe(1);
  });

  it('X04 C58 in batches, in every organization that has something, each row once', async () => {
    const [ours, theirs, others] = [await newOrganization(), await newOrganization(), await newOrganization()];
    const [first, second] = [await threadOf(ours.alice, 1000), await threadOf(theirs.alice, 700)];
    const more = await ours.alice.addMessages(first.id, Array(600).fill({ role: 'user', content: 'x' }));
    expect(more).toHaveLength(600);
    for (const [{ alice }, { id }] of [
      [ours, first],
      [theirs, second],
    ] as const) {
      await alice.delete(`/threads/${id}/messages`);
      await aged('deleted_messages', 'deleted_at', 31, id);
      await aged('message_changes', 'created_at', 8, id);
    }
    const kept = await threadOf(others.alice);
    await others.alice.delete(`/threads/${kept.id}`);
    const removed = await app.app.get(CleanupService, { strict: false }).run();
    expect(removed).toMatchObject({ deleted_messages: 2300, message_changes: 2, trashed_threads: 0 });
    expect((await others.alice.post(`/threads/${kept.id}/restore`)).status).toBe(200);
  });

  it("X04 an admin's cleanup touches nothing of others", async () => {
    const [ours, theirs] = [await newOrganization(), await newOrganization()];
    const { id } = await threadOf(theirs.alice);
    await theirs.alice.delete(`/threads/${id}`);
    await aged('threads', 'deleted_at', 31, id);
    expect(await clean(ours.admin)).toMatchObject({ trashed_threads: 0 });
    expect(await clean(theirs.admin)).toMatchObject({ trashed_threads: 1 });
  });

  it('X02 finds the organizations by indexes', async () => {
    await app.db.query(`
      INSERT INTO organizations (id) VALUES ('many') ON CONFLICT DO NOTHING;
      INSERT INTO users (org_id, id) VALUES ('many', 'alice') ON CONFLICT DO NOTHING;
      INSERT INTO threads (org_id, id, user_id, name, deleted_at)
        SELECT 'many', gen_random_uuid(), 'alice', 'x', CASE WHEN n % 100 = 0 THEN now() END FROM generate_series(1, 5000) n;
      INSERT INTO message_changes (org_id, thread_id, version, kind, created_at)
        SELECT 'many', t.id, n, 'reset', now() FROM generate_series(1, 5000) n, (SELECT id FROM threads WHERE org_id = 'many' LIMIT 1) t;
      INSERT INTO deleted_messages (org_id, thread_id, seq, id, role, metadata, token_count, cost, created_at, updated_at, removal_id,
        reason, thread_last_seq, deleted_by, deleted_at)
        SELECT 'many', t.id, n, gen_random_uuid(), 'user', '{}', 0, 0, now(), now(), t.id, 'deleted', 5000, 'alice', now()
        FROM generate_series(1, 5000) n, (SELECT id FROM threads WHERE org_id = 'many' LIMIT 1) t;
      ANALYZE threads, deleted_messages, message_changes, organizations`);
    let plan = '';
    await app.app.get(SystemDatabase, { strict: false }).run(async (tx: SystemTx) => {
      const query = async (text: string, values: Values) => {
        plan = JSON.stringify(await tx.query(`EXPLAIN (FORMAT JSON) ${text}`, values));
        return [];
      };
      const retention = { keyHours: 24, trashDays: 30, changeDays: 7 };
      await new CleanupRepository().organizationsWithExpired({ query } as never, retention);
    });
    for (const index of ['threads_deleted_at_idx', 'deleted_messages_deleted_at_idx', 'message_changes_created_at_idx'])
      expect(plan).toContain(index);
    await app.db.query(`DELETE FROM threads WHERE org_id = 'many'`);
  });
});
