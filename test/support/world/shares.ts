import { randomUUID } from 'node:crypto';
import type { TestApp } from './app';

/** Lets a user of the thread's organization read it, or write to it. */
export async function shareThread(
  app: TestApp,
  threadId: string,
  userId: string,
  permission: 'read' | 'write' = 'read',
): Promise<void> {
  await app.db.query(
    `WITH t AS (SELECT org_id, id, user_id FROM threads WHERE id = $2), u AS (
       INSERT INTO users (org_id, id) SELECT org_id, $3 FROM t ON CONFLICT DO NOTHING)
     INSERT INTO shares (org_id, id, thread_id, user_id, permission, created_by) SELECT org_id, $1, id, $3, $4, user_id FROM t`,
    [randomUUID(), threadId, userId, permission],
  );
}
