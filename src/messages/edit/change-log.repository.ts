import { Injectable } from '@nestjs/common';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { type ThreadKey, type ThreadNames, threadValues } from '../read/messages.repository';
import type { ChangeKind } from './message-change.entity';

/** The most messages that a change lists one by one. */
const MAX_LISTED = 1000;

const INSERT = sql<ThreadNames | 'kind' | 'seqs'>('message_changes_insert')`
  INSERT INTO message_changes (org_id, thread_id, version, kind, seqs, created_at)
  SELECT t.org_id, t.id, t.version, :kind, :seqs, t.updated_at
  FROM threads t WHERE t.org_id = :orgId AND t.id = :threadId`;

/** Tells readers who follow a thread what happened to its stored messages. */
@Injectable()
export class ChangeLogRepository {
  /** Once for each write, after it was counted on the held thread: what happened to which messages. */
  async note(tx: TenantTx, thread: ThreadKey, kind: ChangeKind, seqs: number[]): Promise<void> {
    if (seqs.length === 0) return;
    const isListed = kind !== 'reset' && seqs.length <= MAX_LISTED;
    const change = isListed ? { kind, seqs } : { kind: 'reset', seqs: null };
    await tx.execute(INSERT, { ...threadValues(thread), ...change });
  }
}
