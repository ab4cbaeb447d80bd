import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { commonErrors } from '../common/errors';
import type { TenantTx } from '../database/door/tenant-database';
import { checkTarget, type Target, type Thread } from '../threads';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import { SessionOpeningService } from '../sessions';
import { type AddSummary, type SummaryView, toSummaryView } from './summaries.dto';
import { SummaryWriter } from './summary-writer';

/** Takes summaries that callers have made (P55). They are never changed. */
@Injectable()
export class SummaryPostingService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly opening: SessionOpeningService,
    private readonly writer: SummaryWriter,
  ) {}

  /** An unknown session is made (C10, U49). @throws THREAD_NOT_FOUND, VALIDATION_FAILED, TOO_MANY_SESSIONS */
  add(principal: Principal, target: Target, body: AddSummary, idempotencyKey?: IdempotencyKey): Promise<SummaryView> {
    checkTarget(target);
    const range = rangeOf(body);
    const { content, token_count } = body;
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.open(tx, principal, target);
      const summary = { ...range, content, token_count, created_by: 'caller' };
      return toSummaryView(await this.writer.addByCaller(tx, thread, summary));
    });
  }

  private async open(tx: TenantTx, principal: Principal, target: Target): Promise<Thread> {
    if (target.by === 'thread') return this.writer.lock(tx, principal, target);
    return (await this.opening.open(tx, principal, target.id)).session;
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
