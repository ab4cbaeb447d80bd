import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { isDuplicate } from '../database/database.errors';
import { TenantDatabase, type TenantTx } from '../database/tenant-database';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { Retry } from '../idempotency/retry';
import { type Append, AppendRequests } from './append-request';
import { type AppendResult, AppendWriter, Unsettled } from './append-writer';
import type { AppendMessage, AppendMessages } from './messages.dto';

export interface AppendOptions {
  retry?: Retry;
  ifMatch?: number;
  /** false: validate and count, but store nothing. */
  persist?: boolean;
}

/** The one way in which messages come into a thread. */
@Injectable()
export class AppendService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly idempotency: IdempotencyService,
    private readonly requests: AppendRequests,
    private readonly writer: AppendWriter,
  ) {}

  /**
   * Stores one message or a batch, in order, all or nothing. One statement in one round trip, unless something
   * is to be compared first.
   * @throws what `AppendRequests.prepare` and `AppendWriter.carefully` throw, and IDEMPOTENCY_KEY_REUSED
   */
  async append(
    principal: Principal,
    threadId: string,
    body: AppendMessage | AppendMessages,
    { retry, ifMatch, persist = true }: AppendOptions = {},
  ): Promise<AppendResult> {
    const append = this.requests.prepare(threadId, body, ifMatch);
    if (!persist) return this.writer.notAtAll(principal, append);
    const mustCompare = append.startSeq !== undefined || append.messages.length === 0 || append.strict;
    if (mustCompare) return this.carefully(principal, append, retry);
    try {
      return await this.plainly(principal, append, retry);
    } catch (error) {
      if (!(error instanceof Unsettled) && !isDuplicate(error, 'messages_id_key')) throw error;
      return this.carefully(principal, append, retry);
    }
  }

  private plainly(principal: Principal, append: Append, retry?: Retry): Promise<AppendResult> {
    const work = (tx: TenantTx) => this.writer.plainly(tx, principal, append);
    if (retry) return this.idempotency.once(principal, retry, work);
    // Ids are fixed before the first attempt, so an attempt whose outcome was lost is found by them.
    return this.db.runOne(principal, work, { repeatable: true });
  }

  private carefully(principal: Principal, append: Append, retry?: Retry): Promise<AppendResult> {
    return this.idempotency.once(principal, retry, (tx) => this.writer.carefully(tx, principal, append));
  }
}
