import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { ChangeKind } from './message-change.entity';

/** The most messages that a change lists one by one. */
const MAX_LISTED = 1000;

/** Tells readers who follow a thread what happened to its stored messages. */
@Injectable()
export class ChangeLogRepository {
  /** Once for each write, after it was counted on the held thread: what happened to which messages. */
  async note(tx: TenantTx, thread: Pick<Thread, 'org_id' | 'id'>, kind: ChangeKind, seqs: number[]): Promise<void> {
    if (seqs.length === 0) return;
    const isListed = kind !== 'reset' && seqs.length <= MAX_LISTED;
    const text = `
      INSERT INTO message_changes (org_id, thread_id, version, kind, seqs, created_at)
      SELECT t.org_id, t.id, t.version, $3, $4, t.updated_at FROM threads t WHERE t.org_id = $1 AND t.id = $2`;
    const values = [thread.org_id, thread.id, isListed ? kind : 'reset', isListed ? seqs : null];
    await tx.execute({ name: 'message_changes_insert', text }, values);
  }
}
