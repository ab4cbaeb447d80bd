import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import type { FirstAnswer } from './first-answer.entity';
import type { IdempotencyKey } from './idempotency-key';

/** What is compared and given again. */
export type KeptAnswer = Pick<FirstAnswer, 'request_hash' | 'response'>;

@Injectable()
export class IdempotencyRepository {
  /** Takes the key; waits for a transaction that holds it. @returns whether it was free */
  async take(tx: TenantTx, principal: Principal, idempotencyKey: IdempotencyKey): Promise<boolean> {
    const text = `
      INSERT INTO idempotency_keys (org_id, user_id, key, request_hash) VALUES ($1, $2, $3, $4)
      ON CONFLICT DO NOTHING`;
    const values = [principal.orgId, principal.userId, idempotencyKey.key, idempotencyKey.requestHash];
    return (await tx.execute({ name: 'idempotency_take', text }, values)) === 1;
  }

  async keepAnswer(tx: TenantTx, principal: Principal, key: string, response: unknown): Promise<void> {
    const text = `UPDATE idempotency_keys SET response = $4::json WHERE org_id = $1 AND user_id = $2 AND key = $3`;
    const values = [principal.orgId, principal.userId, key, JSON.stringify(response)];
    await tx.execute({ name: 'idempotency_keep', text }, values);
  }

  /** Held until the transaction ends: an answer that is just being kept is waited for, and none is kept meanwhile. */
  async findAnswer(tx: TenantTx, principal: Principal, key: string): Promise<KeptAnswer | undefined> {
    const text = `
      SELECT request_hash, response FROM idempotency_keys WHERE org_id = $1 AND user_id = $2 AND key = $3
      FOR UPDATE`;
    const rows = await tx.query<KeptAnswer>({ name: 'idempotency_find', text }, [
      principal.orgId,
      principal.userId,
      key,
    ]);
    return rows[0];
  }
}
