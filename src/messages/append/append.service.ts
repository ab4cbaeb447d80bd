import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import { isDuplicate } from '../../database/door/database.errors';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import type { IdempotencyKey } from '../../idempotency/idempotency-key';
import { type Append, AppendRequests } from './append-request';
import { type AppendPlace, type AppendResult, AppendWriter, Unsettled } from './append-writer';
import type { AppendMessage, AppendMessages } from '../messages.dto';

export type { AppendPlace, AppendResult } from './append-writer';
export type AppendBody = AppendMessage | AppendMessages;

export interface AppendOptions {
  idempotencyKey?: IdempotencyKey;
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
   * Stores one message or a batch, in order, all or nothing. One statement in one round trip, with others that wait at
   * the same time, unless something is to be compared first.
   * @throws what `AppendRequests.prepare` and `AppendWriter.carefully` throw, and IDEMPOTENCY_KEY_REUSED
   */
  async append(
    principal: Principal,
    threadId: string,
    body: AppendBody,
    options?: AppendOptions,
  ): Promise<AppendResult> {
    return this.appendTo(principal, this.writer.threadPlace(principal, threadId), body, options);
  }

  /** The same at a place that another service knows, such as a session. */
  async appendTo(
    principal: Principal,
    place: AppendPlace,
    body: AppendBody,
    { idempotencyKey, ifMatch, persist = true }: AppendOptions = {},
  ): Promise<AppendResult> {
    const append = this.requests.prepare(body, ifMatch);
    return this.requests.admit(append, () => this.store(principal, place, append, { idempotencyKey, persist }));
  }

  private async store(
    principal: Principal,
    place: AppendPlace,
    append: Append,
    { idempotencyKey, persist }: AppendOptions,
  ): Promise<AppendResult> {
    if (!persist || append.messages.length === 0) return this.writer.notAtAll(principal, place, append);
    const carefully = () =>
      this.idempotency.once(principal, idempotencyKey, (tx) => this.writer.carefully(tx, principal, place, append));
    const mustCompare = append.startSeq !== undefined || append.strict;
    if (mustCompare) return carefully();
    try {
      const together = idempotencyKey ? undefined : await this.writer.together(principal, place, append);
      return together ?? (await this.plainly(principal, place, append, idempotencyKey));
    } catch (error) {
      if (!(error instanceof Unsettled) && !isDuplicate(error, 'messages_id_key')) throw error;
      return carefully();
    }
  }

  /** A thread as such a place. @throws THREAD_NOT_FOUND for what is no id of a thread */
  placeOf(principal: Principal, threadId: string): AppendPlace {
    return this.writer.threadPlace(principal, threadId);
  }

  /** The same inside a transaction of another service. */
  appendIn(tx: TenantTx, principal: Principal, place: AppendPlace, body: AppendBody): Promise<AppendResult> {
    return this.writer.carefully(tx, principal, place, this.requests.prepare(body));
  }

  private plainly(
    principal: Principal,
    place: AppendPlace,
    append: Append,
    idempotencyKey: IdempotencyKey | undefined,
  ): Promise<AppendResult> {
    const work = (tx: TenantTx) => this.writer.plainly(tx, principal, place, append);
    if (idempotencyKey) return this.idempotency.once(principal, idempotencyKey, work);
    // Ids are fixed before the first attempt, so an attempt whose outcome was lost is found by them.
    return this.db.runOne(principal, work, { repeatable: true });
  }
}
