import { Injectable } from '@nestjs/common';
import type { SystemTx } from '../database/system-database';

/** One number for all instances: whoever holds it cleans, for the length of one transaction. */
const CLEANUP_LOCK = 7_468_726_542;

@Injectable()
export class CleanupRepository {
  /** Whether this transaction is the only one that cleans. */
  async takeLock(tx: SystemTx): Promise<boolean> {
    const rows = await tx.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [CLEANUP_LOCK]);
    return rows[0].taken;
  }

  /** Deletes the oldest idempotency keys of any organization that are older than `hours`; answers how many. */
  deleteIdempotencyKeys(tx: SystemTx, hours: number, limit: number): Promise<number> {
    return tx.execute(
      `WITH expired AS (
         SELECT org_id, user_id, key FROM idempotency_keys
         WHERE created_at < now() - make_interval(secs => $1 * 3600)
         ORDER BY created_at LIMIT $2
       )
       DELETE FROM idempotency_keys kept USING expired
       WHERE kept.org_id = expired.org_id AND kept.user_id = expired.user_id AND kept.key = expired.key
         AND kept.created_at < now() - make_interval(secs => $1 * 3600)`,
      [hours, limit],
    );
  }
}
