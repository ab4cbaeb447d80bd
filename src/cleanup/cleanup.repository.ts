import { Injectable } from '@nestjs/common';
import type { SystemTx } from '../database/system-database';
import type { TenantTx } from '../database/tenant-database';

/** One number for all instances: whoever holds it cleans, for the length of one transaction. */
const CLEANUP_LOCK = 7_468_726_542;

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
   WHERE s.org_id = $1 AND t.updated_at < now() - make_interval(secs => $3::float8 * 86400) ORDER BY t.updated_at`,
);

/** An erasure that stands still: its server is gone. */
export interface BrokenErasure {
  org_id: string;
  id: string;
}

@Injectable()
export class CleanupRepository {
  /** Whether this transaction is the only one that cleans. */
  async takeLock(tx: TenantTx): Promise<boolean> {
    const rows = await tx.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [CLEANUP_LOCK]);
    return rows[0].taken;
  }

  /** The organizations that have something to remove: all that the system may know of it. */
  async organizationsWithExpired(tx: SystemTx, keyHours: number): Promise<string[]> {
    const text = `
      SELECT org_id FROM threads WHERE expires_at < now()
      UNION SELECT org_id FROM memories WHERE expires_at < now()
      UNION SELECT org_id FROM idempotency_keys WHERE created_at < now() - make_interval(secs => $1 * 3600)`;
    return (await tx.query<{ org_id: string }>(text, [keyHours])).map(({ org_id }) => org_id);
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

  /** Deletes the sessions of an organization that expired first; answers how many. */
  deleteExpiredSessions(tx: TenantTx, orgId: string, limit: number): Promise<number> {
    return tx.execute(DELETE_EXPIRED, [orgId, limit]);
  }

  /** Deletes sessions of an organization, sleeping ones too, whose last write is `days` ago; answers how many. */
  deleteOldSessions(tx: TenantTx, orgId: string, days: number, limit: number): Promise<number> {
    return tx.execute(DELETE_OLD, [orgId, limit, days]);
  }
}
