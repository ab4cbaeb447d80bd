import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { idempotencyErrors } from './idempotency.errors';
import { type KeptAnswer, IdempotencyRepository } from './idempotency.repository';
import type { IdempotencyKey } from './idempotency-key';

/** Makes a POST happen once, however often it is sent. */
@Injectable()
export class IdempotencyService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly keys: IdempotencyRepository,
  ) {}

  /**
   * Runs `work` in a transaction that also keeps its answer under the caller's key, so that either both are there or
   * neither is. The same request again, also at the same time, gets the first answer. A failure keeps nothing.
   * @param options `gate`: the thread that `work` writes to
   * @throws IDEMPOTENCY_KEY_REUSED
   */
  once<T>(
    principal: Principal,
    idempotencyKey: IdempotencyKey | undefined,
    work: (tx: TenantTx) => Promise<T>,
    options: { gate?: string } = {},
  ): Promise<T> {
    if (!idempotencyKey) return this.db.run(principal, work, options);
    const answer = (tx: TenantTx) => this.answer(tx, principal, idempotencyKey, work);
    return this.db.run(principal, answer, { ...options, repeatable: true });
  }

  /**
   * The same for work that outlives one transaction: takes the key, or tells what is known of it. `unfinished` is a request
   * that is still under way, or broke off.
   * @throws IDEMPOTENCY_KEY_REUSED
   */
  async claim(
    tx: TenantTx,
    principal: Principal,
    idempotencyKey: IdempotencyKey,
  ): Promise<'new' | 'unfinished' | { response: unknown }> {
    if (await this.keys.take(tx, principal, idempotencyKey)) return 'new';
    const { response } = await this.first(tx, principal, idempotencyKey);
    return response === null ? 'unfinished' : { response };
  }

  /** Keeps the answer of work whose key was claimed. */
  finish(tx: TenantTx, principal: Principal, idempotencyKey: IdempotencyKey, response: unknown): Promise<void> {
    return this.keys.keepAnswer(tx, principal, idempotencyKey.key, response);
  }

  private async answer<T>(
    tx: TenantTx,
    principal: Principal,
    idempotencyKey: IdempotencyKey,
    work: (tx: TenantTx) => Promise<T>,
  ): Promise<T> {
    if (await this.keys.take(tx, principal, idempotencyKey)) {
      const response = await work(tx);
      await this.keys.keepAnswer(tx, principal, idempotencyKey.key, response);
      return response;
    }
    return (await this.first(tx, principal, idempotencyKey)).response as T;
  }

  private async first(tx: TenantTx, principal: Principal, idempotencyKey: IdempotencyKey): Promise<KeptAnswer> {
    const first = await this.keys.findAnswer(tx, principal, idempotencyKey.key);
    if (!first?.request_hash.equals(idempotencyKey.requestHash)) throw idempotencyErrors.IDEMPOTENCY_KEY_REUSED();
    return first;
  }
}
