import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/tenant-database';
import type { Thread } from '../threads/thread.entity';
import { ThreadsService } from '../threads/threads.service';
import type { ThreadCounts } from './append-writer';
import { MessageRemovalsRepository, type SeqRange } from './message-removals.repository';
import { cutBefore } from './tool-units';

/** Removes runs of messages from a thread that is held; its counters stay exact (C40). */
@Injectable()
export class MessageRemovalsService {
  constructor(
    private readonly removals: MessageRemovalsRepository,
    private readonly threads: ThreadsService,
  ) {}

  /** Keeps the newest `limit` messages, and never splits a tool call from its result (C04). @returns the counts then */
  async keepNewest(tx: TenantTx, thread: Thread, limit: number): Promise<ThreadCounts> {
    const rows = await this.removals.links(tx, thread);
    const cut = cutBefore(rows, limit);
    if (cut === 0) return thread;
    return this.deleteRange(tx, thread, { to: rows[cut - 1].seq });
  }

  /** Removes the messages from one number to another, both included. @returns the counts then */
  async deleteRange(tx: TenantTx, thread: Thread, range: SeqRange): Promise<ThreadCounts> {
    const gone = await this.removals.delete(tx, thread, range);
    if (gone.messages === 0) return thread;
    const change = { messages: -gone.messages, tokens: -gone.tokens, costRemoved: gone.cost };
    await this.threads.count(tx, thread, change);
    return { message_count: thread.message_count - gone.messages, version: thread.version + 1 };
  }
}
