import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import { AppendService } from '../append/append.service';
import type { ThreadCounts } from '../append/append-writer';
import { MessageRemovalsRepository, type SeqRange } from './message-removals.repository';
import { MessageThreads } from '../edit/message-threads';
import type { MessageInput } from '../messages.dto';

/** What a thread counts after a range of it became one message. */
export type Condensed = ThreadCounts & { id: string; token_count: number };

/** Puts one message in the place of many. */
@Injectable()
export class MessageCondensingService {
  constructor(
    private readonly appends: AppendService,
    private readonly removals: MessageRemovalsRepository,
    private readonly threads: MessageThreads,
  ) {}

  /**
   * Replaces a range of a thread that `tx` holds; its counters stay exact (C40). The message gets the number of the last
   * one that goes, so that what comes after it stays as it is: the one case in which a number is given twice.
   * @returns the thread's counts then, and the message's id and tokens
   */
  async condense(tx: TenantTx, thread: Thread, range: Required<SeqRange>, input: MessageInput): Promise<Condensed> {
    const [message] = this.appends.toMessages([input]);
    const gone = await this.removals.delete(tx, thread, range);
    const change = { messages: 1 - gone.messages, tokens: message.token_count - gone.tokens };
    const counted = { ...change, costAdded: message.cost, costRemoved: gone.cost };
    const counts = await this.threads.book(tx, thread, 'reset', gone.seqs, counted);
    await this.removals.insertAt(tx, thread, range.to, message);
    const { id, token_count } = message;
    return { id, token_count, ...counts };
  }
}
