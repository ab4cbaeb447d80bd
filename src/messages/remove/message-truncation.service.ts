import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { commonErrors } from '../../common/errors';
import { parseBound } from '../../common/json';
import type { TenantTx } from '../../database/door/tenant-database';
import { checkTarget, type Target, type Thread } from '../../threads';
import type { ThreadCounts } from '../append/append-writer';
import { HeldThreads, type WriteOptions } from '../edit/held-threads';
import type { TruncatedThread, TruncateMessages } from '../messages.dto';
import { cutBefore, unitsOf } from '../tool-units';
import { MessageRemovals } from './message-removals';
import { MessageRemovalsRepository } from './message-removals.repository';

const HOUR_MS = 3_600_000;
/** A call whose result comes more messages later is not looked for: what a cut reads does not grow with the thread. */
const REACH = 2000;

/** Removes old messages for good (P26, P27). */
@Injectable()
export class MessageTruncationService {
  constructor(
    private readonly rows: MessageRemovalsRepository,
    private readonly removals: MessageRemovals,
    private readonly threads: HeldThreads,
  ) {}

  /**
   * Keeps the newest messages, or the younger ones; never splits a tool call from its results. Summaries stay.
   * @throws VALIDATION_FAILED, and what `HeldThreads.write` throws
   */
  async truncate(
    principal: Principal,
    target: Target,
    body: TruncateMessages,
    options: WriteOptions,
  ): Promise<TruncatedThread> {
    checkTarget(target);
    checkOneOf(body);
    return this.threads.write(principal, target, body, options, async (tx, thread) => {
      const { message_count: remaining, version } = await this.cut(tx, thread, body);
      return { removed: thread.message_count - remaining, remaining, total: remaining, version };
    });
  }

  /** Keeps the newest `limit` messages, and never splits a tool call from its result (C04). @returns the counts then */
  async keepNewest(tx: TenantTx, thread: Thread, limit: number): Promise<ThreadCounts> {
    if (limit >= thread.message_count) return thread;
    if (limit === 0) return this.removals.deleteRange(tx, thread, {});
    const first = await this.rows.firstOfNewest(tx, thread, limit);
    const rows = await this.rows.linksAround(tx, thread, first, REACH);
    const cut = cutBefore(rows, rows.length - rows.findIndex(({ seq }) => seq === first));
    return cut === 0 ? thread : this.removals.deleteRange(tx, thread, { to: rows[cut - 1].seq });
  }

  private cut(
    tx: TenantTx,
    thread: Thread,
    { keep_last, max_age_hours, after }: TruncateMessages,
  ): Promise<ThreadCounts> {
    if (keep_last !== undefined) return this.keepNewest(tx, thread, keep_last);
    const cutoff = parseBound(after) ?? new Date(Date.now() - (max_age_hours as number) * HOUR_MS);
    return this.keepYounger(tx, thread, cutoff);
  }

  /** Keeps the messages younger than `cutoff`, wherever they stand, and with one of them the rest of its unit: a tool call and its results. */
  private async keepYounger(tx: TenantTx, thread: Thread, cutoff: Date): Promise<ThreadCounts> {
    const rows = await this.rows.ages(tx, thread, cutoff);
    const units = unitsOf(rows);
    const staying = new Set(units.filter((_, i) => rows[i].stays));
    const kept = rows.filter(({ stays }, i) => !stays && staying.has(units[i])).map(({ seq }) => seq);
    return this.removals.deleteRange(tx, thread, {}, { cutoff, kept });
  }
}

/** @throws VALIDATION_FAILED */
function checkOneOf({ keep_last, max_age_hours, after }: TruncateMessages): void {
  if ([keep_last, max_age_hours, after].filter((value) => value !== undefined).length === 1) return;
  const message = 'exactly one of keep_last, max_age_hours and after is required';
  throw commonErrors.VALIDATION_FAILED().with({ errors: [{ field: 'body', message }] });
}
