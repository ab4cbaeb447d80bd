import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/tenant-database';
import type { Thread } from '../threads/thread.entity';
import { ThreadsService } from '../threads/threads.service';
import { AppendRequests } from './append-request';
import type { ThreadCounts } from './append-writer';
import { MessageRangesRepository } from './message-ranges.repository';
import { MessageRemovalsRepository, type SeqRange } from './message-removals.repository';
import type { MessageInput } from './messages.dto';

/** What a thread counts after a range of it became one message. */
export type Condensed = ThreadCounts & { id: string; token_count: number };

/** Puts one message in the place of many. */
@Injectable()
export class MessageCondensingService {
  constructor(
    private readonly requests: AppendRequests,
    private readonly removals: MessageRemovalsRepository,
    private readonly ranges: MessageRangesRepository,
    private readonly threads: ThreadsService,
  ) {}

  /**
   * Replaces a range of a thread that `tx` holds; its counters stay exact (C40). The message gets the number of the last
   * one that goes, so that what comes after it stays as it is: the one case in which a number is given twice.
   * @returns the thread's counts then, and the message's id and tokens
   */
  async condense(tx: TenantTx, thread: Thread, range: Required<SeqRange>, input: MessageInput): Promise<Condensed> {
    const [message] = this.requests.toMessages([input]);
    const gone = await this.removals.delete(tx, thread, range);
    const change = { messages: 1 - gone.messages, tokens: message.token_count - gone.tokens };
    await this.threads.count(tx, thread, { ...change, costAdded: message.cost, costRemoved: gone.cost });
    await this.ranges.insertAt(tx, thread, range.to, message);
    const { id, token_count } = message;
    return { id, token_count, message_count: thread.message_count + change.messages, version: thread.version + 1 };
  }
}
