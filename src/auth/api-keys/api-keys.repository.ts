import { Injectable } from '@nestjs/common';
import { IsNull, LessThan, MoreThan } from 'typeorm';
import type { Order } from '../../http/request/paging';
import { sql } from '../../database/door/sql';
import type { SystemTx } from '../../database/door/system-database';
import type { TenantTx } from '../../database/door/tenant-database';
import { ApiKey } from './api-key.entity';
import type { KeyRow } from './api-keys.dto';

type NewKey = Pick<ApiKey, 'id' | 'name' | 'role' | 'user_id' | 'secret_hash' | 'expires_at'>;

/** What is needed to let a key in. */
export type KnownKey = Pick<ApiKey, 'org_id' | 'id' | 'role' | 'user_id' | 'secret_hash' | 'expires_at'>;

/** Where a page begins and how long it is. */
interface Slice {
  /** Id of the last key before it. */
  after?: string;
  offset: number;
  limit: number;
  order: Order;
}

/** What was revoked until `polled_at`, on the database's clock. */
interface Revocations {
  polled_at: Date;
  ids: string[];
}

const VIEW = {
  id: true,
  name: true,
  role: true,
  user_id: true,
  created_at: true,
  expires_at: true,
  last_used_at: true,
} as const satisfies Record<keyof KeyRow, true>;

/* SQL, because a request with a key that is not known yet waits for it. */
const LOOK_UP = sql<'id', KnownKey>('api-keys.look-up')`
  SELECT org_id, id, role, user_id, secret_hash, expires_at FROM api_keys WHERE id = :id AND revoked_at IS NULL`;

const REVOKED_SINCE = sql<'since', Revocations>('api-keys.revoked-since')`
  SELECT now() AS polled_at, ARRAY(
    SELECT id::text FROM api_keys WHERE revoked_at > coalesce(:since::timestamptz, now()) - interval '10 seconds'
  ) AS ids`;

/** The rows of API keys. To a tenant, a revoked key does not exist any more. */
@Injectable()
export class ApiKeysRepository {
  async insert(tx: TenantTx, orgId: string, key: NewKey): Promise<KeyRow> {
    const insert = tx.repo(ApiKey).createQueryBuilder().insert();
    const result = await insert
      .values({ org_id: orgId, ...key })
      .returning(Object.keys(VIEW))
      .execute();
    return (result.raw as KeyRow[])[0];
  }

  /** One key, if it is there. */
  find(tx: TenantTx, orgId: string, id: string): Promise<KeyRow | null> {
    return tx.repo(ApiKey).findOne({ select: VIEW, where: { org_id: orgId, id, revoked_at: IsNull() } });
  }

  /** Keys by id, which is by time of making. */
  list(tx: TenantTx, orgId: string, { after, offset, limit, order }: Slice): Promise<KeyRow[]> {
    const isBeyond = order === 'asc' ? MoreThan : LessThan;
    return tx.repo(ApiKey).find({
      select: VIEW,
      where: { org_id: orgId, revoked_at: IsNull(), ...(after === undefined ? {} : { id: isBeyond(after) }) },
      order: { org_id: order, id: order },
      take: limit,
      skip: offset,
    });
  }

  /**
   * Revokes a key; false when there is none. The time is that of the update, not of the transaction's begin, so that
   * waiting for the row cannot date it before what the other instances have polled already.
   */
  async revoke(tx: TenantTx, orgId: string, id: string): Promise<boolean> {
    const present = { org_id: orgId, id, revoked_at: IsNull() };
    const { affected } = await tx.repo(ApiKey).update(present, { revoked_at: () => 'clock_timestamp()' });
    return affected === 1;
  }

  /** A key of any organization, unless it is revoked. */
  async lookUp(tx: SystemTx, id: string): Promise<KnownKey | undefined> {
    return (await tx.query(LOOK_UP, { id }))[0];
  }

  /**
   * Keys of any organization revoked since shortly before `since`, by default now. The ten seconds are for revocations
   * that were dated before the last poll and committed after it.
   */
  async revokedSince(tx: SystemTx, since?: Date): Promise<Revocations> {
    return (await tx.query(REVOKED_SINCE, { since }))[0];
  }

  /** Notes the use of a key, to the minute whatever the number of instances. */
  async touch(tx: SystemTx, id: string): Promise<void> {
    const update = tx.repo(ApiKey).createQueryBuilder().update();
    await update
      .set({ last_used_at: () => 'now()' })
      .where({ id })
      .andWhere(`(last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`)
      .execute();
  }
}
