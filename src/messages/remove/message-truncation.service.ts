import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { commonErrors } from '../../common/errors';
import { parseTime } from '../../common/json';
import { checkVersion, precondition } from '../../http/request/versions';
import type { TenantTx } from '../../database/door/tenant-database';
import { checkTarget, type Target } from '../../threads/target';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import type { IdempotencyKey } from '../../idempotency/idempotency-key';
import type { Thread } from '../../threads/thread.entity';
import { ThreadsService } from '../../threads/threads.service';
import type { ThreadCounts } from '../append/append-writer';
import { MessageRemovalsService } from './message-removals.service';
import type { TruncatedThread, TruncateMessages } from '../messages.dto';

const HOUR_MS = 3_600_000;

/** Removes old messages because somebody asks for it (P26, P27). */
@Injectable()
export class MessageTruncationService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly removals: MessageRemovalsService,
    private readonly threads: ThreadsService,
  ) {}

  /**
   * Keeps the newest messages, or the younger ones; never splits a tool call from its results. Summaries stay.
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, VALIDATION_FAILED, PRECONDITION_FAILED, VERSION_CONFLICT
   */
  truncate(
    principal: Principal,
    target: Target,
    body: TruncateMessages,
    ifMatch?: number,
    idempotencyKey?: IdempotencyKey,
  ): Promise<TruncatedThread> {
    checkTarget(target);
    checkOneOf(body);
    return this.idempotency.once(principal, idempotencyKey, async (tx) => {
      const thread = await this.threads.lock(tx, principal, target);
      checkVersion(precondition(ifMatch, body), thread.version);
      const { message_count: remaining, version } = await this.cut(tx, thread, body);
      return { removed: thread.message_count - remaining, remaining, total: remaining, version };
    });
  }

  private cut(
    tx: TenantTx,
    thread: Thread,
    { keep_last, max_age_hours, after }: TruncateMessages,
  ): Promise<ThreadCounts> {
    if (keep_last !== undefined) return this.removals.keepNewest(tx, thread, keep_last);
    const cutoff = parseTime(after) ?? new Date(Date.now() - (max_age_hours as number) * HOUR_MS);
    return this.removals.keepYounger(tx, thread, cutoff);
  }
}

/** @throws VALIDATION_FAILED */
function checkOneOf({ keep_last, max_age_hours, after }: TruncateMessages): void {
  if ([keep_last, max_age_hours, after].filter((value) => value !== undefined).length === 1) return;
  const message = 'exactly one of keep_last, max_age_hours and after is required';
  throw commonErrors.VALIDATION_FAILED().with({ errors: [{ field: 'body', message }] });
}
