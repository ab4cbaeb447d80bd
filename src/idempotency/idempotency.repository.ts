import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import type { TenantTx } from '../database/door/tenant-database';
import { FirstAnswer } from './first-answer.entity';
import type { IdempotencyKey } from './idempotency-key';

/** What is compared and given again. */
export type KeptAnswer = Pick<FirstAnswer, 'request_hash' | 'response'>;

const of = ({ orgId, userId }: Principal, key: string) => ({ org_id: orgId, user_id: userId, key });

@Injectable()
export class IdempotencyRepository {
  /** Takes the key; waits for a transaction that holds it. @returns whether it was free */
  async take(tx: TenantTx, principal: Principal, { key, requestHash }: IdempotencyKey): Promise<boolean> {
    const insert = tx.repo(FirstAnswer).createQueryBuilder().insert();
    const result = await insert
      .values({ ...of(principal, key), request_hash: requestHash })
      .orIgnore()
      .returning(['key'])
      .execute();
    return (result.raw as unknown[]).length === 1;
  }

  async keepAnswer(tx: TenantTx, principal: Principal, key: string, response: unknown): Promise<void> {
    await tx.repo(FirstAnswer).update(of(principal, key), { response: (response ?? null) as object });
  }

  /** Held until the transaction ends: an answer that is just being kept is waited for, and none is kept meanwhile. */
  findAnswer(tx: TenantTx, principal: Principal, key: string): Promise<KeptAnswer | null> {
    return tx.repo(FirstAnswer).findOne({
      select: { request_hash: true, response: true },
      where: of(principal, key),
      lock: { mode: 'pessimistic_write' },
    });
  }
}
