import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Thread } from '../../threads/thread.entity';
import type { ThreadCounts } from '../append/append-writer';
import { MessageRemovalsRepository, type SeqRange } from './message-removals.repository';
import { MessageThreads } from '../edit/message-threads';
import { MessageTrashRepository } from './message-trash.repository';
import { cutBefore, unitsOf } from '../tool-units';

/** Removes runs of messages from a thread that is held, for good; its counters stay exact (C40). */
@Injectable()
export class MessageRemovalsService {
  constructor(
    private readonly removals: MessageRemovalsRepository,
    private readonly trash: MessageTrashRepository,
    private readonly threads: MessageThreads,
  ) {}

  /** Keeps the newest `limit` messages, and never splits a tool call from its result (C04). @returns the counts then */
  async keepNewest(tx: TenantTx, thread: Thread, limit: number): Promise<ThreadCounts> {
    const rows = await this.removals.links(tx, thread);
    const cut = cutBefore(rows, limit);
    if (cut === 0) return thread;
    return this.deleteRange(tx, thread, { to: rows[cut - 1].seq });
  }

  /**
   * Keeps the messages younger than `cutoff`, wherever they stand, and with one of them the rest of its unit: a tool
   * call and its results. @returns the counts then
   */
  async keepYounger(tx: TenantTx, thread: Thread, cutoff: Date): Promise<ThreadCounts> {
    const rows = await this.removals.ages(tx, thread, cutoff);
    const units = unitsOf(rows);
    const staying = new Set(units.filter((_, i) => rows[i].stays));
    const old = rows.filter((_, i) => !staying.has(units[i])).map(({ seq }) => seq);
    return old.length === 0 ? thread : this.deleteRange(tx, thread, {}, old);
  }

  /** Removes the messages from this number on, which others take the place of, and what was said of them in summaries. */
  async replaceFrom(tx: TenantTx, thread: Thread, seq: number): Promise<ThreadCounts> {
    await this.removals.forgetSummaries(tx, thread, seq);
    await this.trash.endRedo(tx, thread);
    return this.deleteRange(tx, thread, { from: seq });
  }

  /**
   * Removes the messages from one number to another, both included. Summaries of them stay.
   * @param only these of the range; absent: all
   * @returns the counts then
   */
  async deleteRange(tx: TenantTx, thread: Thread, range: SeqRange, only?: number[]): Promise<ThreadCounts> {
    const gone = await this.removals.delete(tx, thread, range, only);
    if (gone.messages === 0) return thread;
    const change = { messages: -gone.messages, tokens: -gone.tokens, costRemoved: gone.cost };
    return this.threads.book(tx, thread, 'deleted', gone.seqs, change);
  }
}
