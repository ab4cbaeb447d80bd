import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { commonErrors } from '../common/errors';
import type { TenantTx } from '../database/door/tenant-database';
import { checkTarget, notFound, type Target, type Thread } from '../threads';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import { type AddSummary, type SummaryView, toSummaryView } from './summaries.dto';
import { SessionOpeningService } from '../sessions';
import { summaryErrors } from './summaries.errors';
import { SummaryWriter } from './summary-writer';

/** Takes summaries that callers have made (P55). They are never changed. */
@Injectable()
export class SummaryPostingService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly opening: SessionOpeningService,
    private readonly writer: SummaryWriter,
  ) {}

  /**
   * Of messages that are there, or were: it would else stand for what is said later.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, VALIDATION_FAILED, SUMMARY_BEYOND_END
   */
  add(principal: Principal, target: Target, body: AddSummary, idempotencyKey?: IdempotencyKey): Promise<SummaryView> {
    checkTarget(target);
    const range = rangeOf(body);
    const { content, token_count } = body;
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.hold(tx, principal, target);
      if (range.to_seq > thread.last_seq) throw summaryErrors.SUMMARY_BEYOND_END(thread.last_seq);
      const summary = { ...range, content, token_count, created_by: 'caller' };
      return toSummaryView(await this.writer.addByCaller(tx, thread, summary));
    });
  }

  /** A session that sleeps wakes; one that is unknown is not made, since it has no messages. */
  private async hold(tx: TenantTx, principal: Principal, target: Target): Promise<Thread> {
    if (target.by === 'thread') return this.writer.lock(tx, principal, target);
    const { session, created } = await this.opening.open(tx, principal, target.id);
    if (created) throw notFound(target);
    return session;
  }
}

/** Turns count from 0 and end before `end_turn`, numbers from 1 and to the last: `0` to `10` is `1` to `10`. */
function rangeOf(body: AddSummary): { from_seq: number; to_seq: number } {
  const { start_turn, end_turn, from_seq, to_seq } = body;
  const turns = start_turn !== undefined && end_turn !== undefined;
  const numbers = from_seq !== undefined && to_seq !== undefined;
  const given = [start_turn, end_turn, from_seq, to_seq].filter((value) => value !== undefined).length;
  if (given !== 2 || turns === numbers) {
    throw invalid(
      turns ? 'from_seq' : 'start_turn',
      'either start_turn and end_turn or from_seq and to_seq are required',
    );
  }
  const range = turns ? { from_seq: start_turn + 1, to_seq: end_turn } : { from_seq: from_seq!, to_seq: to_seq! };
  if (range.to_seq < range.from_seq) throw invalid(turns ? 'end_turn' : 'to_seq', 'the range is empty');
  return range;
}

const invalid = (field: string, message: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message }] });
