import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { ChangeKind } from './message-change.entity';

@Injectable()
export class MessageChangesRepository {
  /** Notes what the thread's last write did. The thread is held. */
  async insert(tx: TenantTx, thread: Pick<Thread, 'org_id' | 'id'>, kind: ChangeKind, seqs: number[] | null) {
    const text = `
      INSERT INTO message_changes (org_id, thread_id, version, kind, seqs, created_at)
      SELECT t.org_id, t.id, t.version, $3, $4, t.updated_at FROM threads t WHERE t.org_id = $1 AND t.id = $2`;
    await tx.execute({ name: 'message_changes_insert', text }, [thread.org_id, thread.id, kind, seqs]);
  }
}
