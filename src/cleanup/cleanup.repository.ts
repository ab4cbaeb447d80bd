import { Injectable } from '@nestjs/common';
import { ADVISORY_LOCKS } from '../database/door/locks';
import { sql } from '../database/door/sql';
import type { SystemTx } from '../database/door/system-database';
import type { TenantTx } from '../database/door/tenant-database';
import { EXPIRED } from '../threads';

/** How long what is kept for a while is kept. */
interface Retention {
  keyHours: number;
  trashDays: number;
  changeDays: number;
}

/** An erasure that stands still: its server is gone. */
export interface BrokenErasure {
  org_id: string;
  id: string;
}

const older = (column: string, days = ':days') => `${column} < now() - make_interval(secs => ${days}::float8 * 86400)`;

/** Deletes threads, and with each its messages and its session, but for those that somebody writes to at the moment. */
const deleteThreads = <Names extends string = never>(name: string, candidates: string) =>
  sql<Names | 'orgId' | 'limit'>(name)`
    WITH gone AS MATERIALIZED (${candidates} LIMIT :limit FOR UPDATE OF t SKIP LOCKED)
    DELETE FROM threads USING gone WHERE threads.org_id = :orgId AND threads.id = gone.id`;

const EXPIRED_SESSIONS = `
  SELECT t.id FROM threads t WHERE t.org_id = :orgId AND t.expires_at < now() AND t.deleted_at IS NULL ORDER BY t.expires_at`;

const DELETE_EXPIRED_SESSIONS = deleteThreads('cleanup_delete_expired', EXPIRED_SESSIONS);

const DISCARD_EXPIRED_SESSIONS = sql<'orgId' | 'limit'>('cleanup_discard_expired')`
  WITH gone AS MATERIALIZED (${EXPIRED_SESSIONS} LIMIT :limit FOR UPDATE OF t SKIP LOCKED), current AS (
    DELETE FROM current_threads c USING gone WHERE c.org_id = :orgId AND c.thread_id = gone.id
  )
  UPDATE threads t SET ${EXPIRED} FROM gone WHERE t.org_id = :orgId AND t.id = gone.id`;

const DELETE_OLD_SESSIONS = deleteThreads<'days'>(
  'cleanup_delete_old',
  `SELECT t.id FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
   WHERE s.org_id = :orgId AND t.deleted_at IS NULL AND ${older('t.updated_at')} ORDER BY t.updated_at`,
);

const DELETE_TRASHED_THREADS = deleteThreads<'days'>(
  'cleanup_delete_trashed',
  `SELECT t.id FROM threads t WHERE t.org_id = :orgId AND ${older('t.deleted_at')} ORDER BY t.deleted_at`,
);

const DELETE_KEYS = sql<'orgId' | 'hours' | 'limit'>('cleanup_delete_keys')`
  WITH gone AS MATERIALIZED (
    SELECT k.user_id, k.key FROM idempotency_keys k
    WHERE k.org_id = :orgId AND k.created_at < now() - make_interval(secs => :hours::float8 * 3600)
    ORDER BY k.created_at LIMIT :limit FOR UPDATE SKIP LOCKED
  )
  DELETE FROM idempotency_keys k USING gone WHERE k.org_id = :orgId AND k.user_id = gone.user_id AND k.key = gone.key`;

const DELETE_EXPIRED_MEMORIES = sql<'orgId' | 'limit'>('cleanup_delete_memories')`
  WITH gone AS MATERIALIZED (
    SELECT m.user_id, m.session_scope, m.key FROM memories m
    WHERE m.org_id = :orgId AND m.expires_at < now() ORDER BY m.expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
  )
  DELETE FROM memories m USING gone
  WHERE m.org_id = :orgId AND m.user_id = gone.user_id AND m.session_scope = gone.session_scope AND m.key = gone.key`;

const DELETE_EXPIRED_SHARES = sql<'orgId' | 'limit'>('cleanup_delete_shares')`
  WITH gone AS MATERIALIZED (
    SELECT h.id FROM shares h
    WHERE h.org_id = :orgId AND h.expires_at < now() ORDER BY h.expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
  )
  DELETE FROM shares h USING gone WHERE h.org_id = :orgId AND h.id = gone.id`;

const DELETE_MESSAGES = sql<'orgId' | 'days' | 'limit'>('cleanup_delete_messages')`
  WITH gone AS MATERIALIZED (
    SELECT d.thread_id, d.seq, d.id FROM deleted_messages d
    WHERE d.org_id = :orgId AND ${older('d.deleted_at')}
    ORDER BY d.deleted_at LIMIT :limit FOR UPDATE SKIP LOCKED
  ), revisions AS (
    DELETE FROM message_revisions v USING gone
    WHERE v.org_id = :orgId AND v.thread_id = gone.thread_id AND v.message_id = gone.id
      AND NOT EXISTS (SELECT FROM messages m WHERE m.org_id = :orgId AND m.id = gone.id AND m.thread_id = gone.thread_id)
      AND NOT EXISTS (
        SELECT FROM deleted_messages o
        WHERE o.org_id = :orgId AND o.id = gone.id AND o.thread_id = gone.thread_id AND o.seq <> gone.seq)
  )
  DELETE FROM deleted_messages d USING gone
  WHERE d.org_id = :orgId AND d.thread_id = gone.thread_id AND d.seq = gone.seq`;

const DELETE_CHANGES = sql<'orgId' | 'days' | 'limit'>('cleanup_delete_changes')`
  WITH gone AS MATERIALIZED (
    SELECT c.thread_id, c.version FROM message_changes c
    WHERE c.org_id = :orgId AND ${older('c.created_at')}
    ORDER BY c.created_at LIMIT :limit FOR UPDATE SKIP LOCKED
  )
  DELETE FROM message_changes c USING gone
  WHERE c.org_id = :orgId AND c.thread_id = gone.thread_id AND c.version = gone.version`;

/** SQL throughout: rows that somebody holds are skipped, and the system's role reads only some columns. */
@Injectable()
export class CleanupRepository {
  /** Whether this transaction is the only one that cleans. */
  async takeLock(tx: TenantTx): Promise<boolean> {
    const text = 'SELECT pg_try_advisory_xact_lock(:lock) AS taken';
    return (await tx.query<{ taken: boolean }>(text, { lock: ADVISORY_LOCKS.cleanup }))[0].taken;
  }

  /** The organizations that have something to remove: all that the system may know of it. */
  async organizationsWithExpired(tx: SystemTx, retention: Retention): Promise<string[]> {
    const text = `
      SELECT org_id FROM threads WHERE expires_at < now() AND deleted_at IS NULL
      UNION SELECT org_id FROM memories WHERE expires_at < now()
      UNION SELECT org_id FROM shares WHERE expires_at < now()
      UNION SELECT org_id FROM idempotency_keys WHERE created_at < now() - make_interval(secs => :keyHours * 3600)
      UNION SELECT org_id FROM threads WHERE ${older('deleted_at', ':trashDays')}
      UNION SELECT o.id FROM organizations o
        WHERE EXISTS (SELECT FROM deleted_messages d WHERE d.org_id = o.id AND ${older('d.deleted_at', ':trashDays')})
          OR EXISTS (SELECT FROM message_changes c WHERE c.org_id = o.id AND ${older('c.created_at', ':changeDays')})`;
    return (await tx.query<{ org_id: string }>(text, { ...retention })).map(({ org_id }) => org_id);
  }

  brokenErasures(tx: SystemTx): Promise<BrokenErasure[]> {
    const text = `
      SELECT org_id, id FROM erasures WHERE status = 'running' AND updated_at < now() - interval '1 minute'
      ORDER BY updated_at LIMIT 100`;
    return tx.query<BrokenErasure>(text);
  }

  /** Deletes the oldest idempotency keys that are older than `hours`; answers how many. */
  deleteIdempotencyKeys(tx: TenantTx, orgId: string, hours: number, limit: number): Promise<number> {
    return tx.execute(DELETE_KEYS, { orgId, hours, limit });
  }

  /** Deletes the memories that expired first; answers how many. */
  deleteExpiredMemories(tx: TenantTx, orgId: string, limit: number): Promise<number> {
    return tx.execute(DELETE_EXPIRED_MEMORIES, { orgId, limit });
  }

  /** Deletes the shares that expired first, and with a link those of who accepted it; answers how many. */
  deleteExpiredShares(tx: TenantTx, orgId: string, limit: number): Promise<number> {
    return tx.execute(DELETE_EXPIRED_SHARES, { orgId, limit });
  }

  /** Moves the sessions of an organization that expired first to the trash, or where nothing is kept there deletes them; answers how many. */
  removeExpiredSessions(tx: TenantTx, orgId: string, trashDays: number, limit: number): Promise<number> {
    return tx.execute(trashDays === 0 ? DELETE_EXPIRED_SESSIONS : DISCARD_EXPIRED_SESSIONS, { orgId, limit });
  }

  /** Deletes sessions of an organization, sleeping ones too, whose last write is `days` ago; answers how many. */
  deleteOldSessions(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_OLD_SESSIONS, { orgId, days, limit });
  }

  /** Deletes the threads that were in the trash longest, for `days` at least; answers how many. */
  deleteTrashedThreads(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_TRASHED_THREADS, { orgId, days, limit });
  }

  /** The same of messages, with the earlier versions of those that are nowhere any more; answers how many. */
  deleteDeletedMessages(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_MESSAGES, { orgId, days, limit });
  }

  /** Deletes the notes of changes that are older than `days`, the oldest first; answers how many. */
  deleteMessageChanges(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_CHANGES, { orgId, days, limit });
  }
}
