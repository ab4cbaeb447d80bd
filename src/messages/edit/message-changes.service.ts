import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { ChangeKind } from './message-change.entity';
import { MessageChangesRepository } from './message-changes.repository';

/** The most messages that a change lists one by one. */
const MOST_LISTED = 1000;

/** Tells those who follow a thread what happened to its stored messages. */
@Injectable()
export class MessageChangesService {
  constructor(private readonly changes: MessageChangesRepository) {}

  /** Once for each write, after it was counted on the held thread: what happened to which messages. */
  async note(tx: TenantTx, thread: Pick<Thread, 'org_id' | 'id'>, kind: ChangeKind, seqs: number[]): Promise<void> {
    if (seqs.length === 0) return;
    const isListed = kind !== 'reset' && seqs.length <= MOST_LISTED;
    await this.changes.insert(tx, thread, isListed ? kind : 'reset', isListed ? seqs : null);
  }
}
