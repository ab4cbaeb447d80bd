import { Injectable } from '@nestjs/common';
import { ADVISORY_LOCKS } from '../database/door/locks';
import type { SystemTx } from '../database/door/system-database';
import type { TenantTx } from '../database/door/tenant-database';

/** Deletes threads, and with each its messages and its session, but for those that somebody writes to at the moment. */
const deleteThreads = (name: string, candidates: string) => ({
  name,
  text: `
    WITH gone AS MATERIALIZED (${candidates} LIMIT $2 FOR UPDATE OF t SKIP LOCKED)
    DELETE FROM threads USING gone WHERE threads.org_id = $1 AND threads.id = gone.id`,
});

const DELETE_EXPIRED = deleteThreads(
  'cleanup_delete_expired',
  'SELECT t.id FROM threads t WHERE t.org_id = $1 AND t.expires_at < now() ORDER BY t.expires_at',
);

const DELETE_OLD = deleteThreads(
  'cleanup_delete_old',
  `SELECT t.id FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
   WHERE s.org_id = $1 AND t.deleted_at IS NULL AND t.updated_at < now() - make_interval(secs => $3::float8 * 86400) ORDER BY t.updated_at`,
);

const DELETE_TRASHED = deleteThreads(
  'cleanup_delete_trashed',
  `SELECT t.id FROM threads t
   WHERE t.org_id = $1 AND t.deleted_at < now() - make_interval(secs => $3::float8 * 86400) ORDER BY t.deleted_at`,
);

/** How long what is kept for a while is kept. */
export interface Retention {
  keyHours: number;
  trashDays: number;
  changeDays: number;
}

/** An erasure that stands still: its server is gone. */
export interface BrokenErasure {
  org_id: string;
  id: string;
}

@Injectable()
export class CleanupRepository {
  /** Whether this transaction is the only one that cleans. */
  async takeLock(tx: TenantTx): Promise<boolean> {
    const rows = await tx.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [
      ADVISORY_LOCKS.cleanup,
    ]);
    return rows[0].taken;
  }

  /** The organizations that have something to remove: all that the system may know of it. */
  async organizationsWithExpired(tx: SystemTx, { keyHours, trashDays, changeDays }: Retention): Promise<string[]> {
    const older = (days: string) => `now() - make_interval(secs => ${days}::float8 * 86400)`;
    const text = `
      SELECT org_id FROM threads WHERE expires_at < now()
      UNION SELECT org_id FROM memories WHERE expires_at < now()
      UNION SELECT org_id FROM shares WHERE expires_at < now()
      UNION SELECT org_id FROM idempotency_keys WHERE created_at < now() - make_interval(secs => $1 * 3600)
      UNION SELECT org_id FROM threads WHERE deleted_at < ${older('$2')}
      UNION SELECT o.id FROM organizations o
        WHERE EXISTS (SELECT FROM deleted_messages d WHERE d.org_id = o.id AND d.deleted_at < ${older('$2')})
          OR EXISTS (SELECT FROM message_changes c WHERE c.org_id = o.id AND c.created_at < ${older('$3')})`;
    return (await tx.query<{ org_id: string }>(text, [keyHours, trashDays, changeDays])).map(({ org_id }) => org_id);
  }

  brokenErasures(tx: SystemTx): Promise<BrokenErasure[]> {
    const text = `
      SELECT org_id, id FROM erasures WHERE status = 'running' AND updated_at < now() - interval '1 minute'
      ORDER BY updated_at LIMIT 100`;
    return tx.query<BrokenErasure>(text);
  }

  /** Deletes the oldest idempotency keys that are older than `hours`; answers how many. */
  deleteIdempotencyKeys(tx: TenantTx, orgId: string, hours: number, limit: number): Promise<number> {
    const text = `
      WITH gone AS MATERIALIZED (
        SELECT k.user_id, k.key FROM idempotency_keys k
        WHERE k.org_id = $1 AND k.created_at < now() - make_interval(secs => $2::float8 * 3600)
        ORDER BY k.created_at LIMIT $3 FOR UPDATE SKIP LOCKED
      )
      DELETE FROM idempotency_keys k USING gone WHERE k.org_id = $1 AND k.user_id = gone.user_id AND k.key = gone.key`;
    return tx.execute({ name: 'cleanup_delete_keys', text }, [orgId, hours, limit]);
  }

  /** Deletes the memories that expired first; answers how many. */
  deleteExpiredMemories(tx: TenantTx, orgId: string, limit: number): Promise<number> {
    const text = `
      WITH gone AS MATERIALIZED (
        SELECT m.user_id, m.session_scope, m.key FROM memories m
        WHERE m.org_id = $1 AND m.expires_at < now() ORDER BY m.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
      )
      DELETE FROM memories m USING gone
      WHERE m.org_id = $1 AND m.user_id = gone.user_id AND m.session_scope = gone.session_scope AND m.key = gone.key`;
    return tx.execute({ name: 'cleanup_delete_memories', text }, [orgId, limit]);
  }

  /** Deletes the shares that expired first, and with a link those of who accepted it; answers how many. */
  deleteExpiredShares(tx: TenantTx, orgId: string, limit: number): Promise<number> {
    const text = `
      WITH gone AS MATERIALIZED (
        SELECT h.id FROM shares h
        WHERE h.org_id = $1 AND h.expires_at < now() ORDER BY h.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
      )
      DELETE FROM shares h USING gone WHERE h.org_id = $1 AND h.id = gone.id`;
    return tx.execute({ name: 'cleanup_delete_shares', text }, [orgId, limit]);
  }

  /** Deletes the sessions of an organization that expired first; answers how many. */
  deleteExpiredSessions(tx: TenantTx, orgId: string, limit: number): Promise<number> {
    return tx.execute(DELETE_EXPIRED, [orgId, limit]);
  }

  /** Deletes sessions of an organization, sleeping ones too, whose last write is `days` ago; answers how many. */
  deleteOldSessions(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_OLD, [orgId, limit, days]);
  }

  /** Deletes the threads that were in the trash longest, for `days` at least; answers how many. */
  deleteTrashedThreads(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_TRASHED, [orgId, limit, days]);
  }

  /** The same of messages, with the earlier versions of those that are nowhere any more; answers how many. */
  deleteDeletedMessages(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    const text = `
      WITH gone AS MATERIALIZED (
        SELECT d.thread_id, d.seq, d.id FROM deleted_messages d
        WHERE d.org_id = $1 AND d.deleted_at < now() - make_interval(secs => $3::float8 * 86400)
        ORDER BY d.deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED
      ), revisions AS (
        DELETE FROM message_revisions v USING gone
        WHERE v.org_id = $1 AND v.thread_id = gone.thread_id AND v.message_id = gone.id
          AND NOT EXISTS (SELECT FROM messages m WHERE m.org_id = $1 AND m.id = gone.id AND m.thread_id = gone.thread_id)
          AND NOT EXISTS (
            SELECT FROM deleted_messages o
            WHERE o.org_id = $1 AND o.id = gone.id AND o.thread_id = gone.thread_id AND o.seq <> gone.seq)
      )
      DELETE FROM deleted_messages d USING gone
      WHERE d.org_id = $1 AND d.thread_id = gone.thread_id AND d.seq = gone.seq`;
    return tx.execute({ name: 'cleanup_delete_messages', text }, [orgId, limit, days]);
  }

  /** Deletes the notes of changes that are older than `days`, the oldest first; answers how many. */
  deleteMessageChanges(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    const text = `
      WITH gone AS MATERIALIZED (
        SELECT c.thread_id, c.version FROM message_changes c
        WHERE c.org_id = $1 AND c.created_at < now() - make_interval(secs => $3::float8 * 86400)
        ORDER BY c.created_at LIMIT $2 FOR UPDATE SKIP LOCKED
      )
      DELETE FROM message_changes c USING gone
      WHERE c.org_id = $1 AND c.thread_id = gone.thread_id AND c.version = gone.version`;
    return tx.execute({ name: 'cleanup_delete_changes', text }, [orgId, limit, days]);
  }
}
