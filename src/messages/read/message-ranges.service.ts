import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import { byThread } from '../../threads/thread-access';
import { MessageRangesRepository, type OutlineRow, type ThreadKey } from './message-ranges.repository';
import type { SeqRange } from '../remove/message-removals.repository';
import type { MessageRow } from '../message.entity';
import { messageErrors } from '../messages.errors';
import { MessagesRepository } from './messages.repository';

export type { OutlineRow, ThreadKey } from './message-ranges.repository';
export { cutKeeping } from '../tool-units';

/** Reads runs of a thread's messages, inside a transaction of another service. */
@Injectable()
export class MessageRangesService {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly ranges: MessageRangesRepository,
  ) {}

  /** The messages after a number without their content, oldest first. */
  outline(tx: TenantTx, thread: ThreadKey, afterSeq: number, limit?: number): Promise<OutlineRow[]> {
    return this.ranges.outline(tx, thread, afterSeq, limit);
  }

  /** The number of a message of this thread. @throws MESSAGE_NOT_FOUND */
  async seqOf(tx: TenantTx, principal: Principal, threadId: string, id: string): Promise<number> {
    const row = await this.messages.find(tx, principal, id);
    if (row?.thread_id !== threadId) throw messageErrors.MESSAGE_NOT_FOUND(id);
    return row.seq;
  }

  /** The messages of a range, oldest first. */
  async rows(
    tx: TenantTx,
    principal: Principal,
    threadId: string,
    { from = 1, to = Number.MAX_SAFE_INTEGER - 1 }: SeqRange,
    limit = Number.MAX_SAFE_INTEGER,
  ): Promise<MessageRow[]> {
    const slice = { afterSeq: from - 1, beforeSeq: to + 1, order: 'asc', limit, offset: 0 } as const;
    return (await this.messages.list(tx, principal, byThread(threadId), slice))?.rows ?? [];
  }
}
