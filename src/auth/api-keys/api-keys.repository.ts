import { Injectable } from '@nestjs/common';
import type { Order } from '../../http/request/paging';
import type { SystemTx } from '../../database/door/system-database';
import type { TenantTx } from '../../database/door/tenant-database';
import type { ApiKey } from './api-key.entity';
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

const VIEW = 'id, name, role, user_id, created_at, expires_at, last_used_at';
const OWN = `org_id = current_setting('app.org_id') AND revoked_at IS NULL`;

/** The SQL of API keys. To a tenant, a revoked key does not exist any more. */
@Injectable()
export class ApiKeysRepository {
  /** Inserts a key of the transaction's organization. */
  async insert(tx: TenantTx, key: NewKey): Promise<KeyRow> {
    const [row] = await tx.query<KeyRow>(
      `INSERT INTO api_keys (org_id, id, name, role, user_id, secret_hash, expires_at)
       VALUES (current_setting('app.org_id'), $1, $2, $3, $4, $5, $6) RETURNING ${VIEW}`,
      [key.id, key.name, key.role, key.user_id, key.secret_hash, key.expires_at],
    );
    return row;
  }

  /** One key, if it is there. */
  async find(tx: TenantTx, id: string): Promise<KeyRow | undefined> {
    const [row] = await tx.query<KeyRow>(`SELECT ${VIEW} FROM api_keys WHERE ${OWN} AND id = $1`, [id]);
    return row;
  }

  /** Keys by id, which is by time of making. */
  list(tx: TenantTx, { after, offset, limit, order }: Slice): Promise<KeyRow[]> {
    const position = after === undefined ? '' : `AND id ${order === 'asc' ? '>' : '<'} $3`;
    return tx.query<KeyRow>(
      `SELECT ${VIEW} FROM api_keys WHERE ${OWN} ${position} ORDER BY org_id ${order}, id ${order} LIMIT $1 OFFSET $2`,
      after === undefined ? [limit, offset] : [limit, offset, after],
    );
  }

  /**
   * Revokes a key; false when there is none. The time is that of the update, not of the transaction's begin, so that
   * waiting for the row cannot date it before what the other instances have polled already.
   */
  async revoke(tx: TenantTx, id: string): Promise<boolean> {
    return (
      (await tx.execute(`UPDATE api_keys SET revoked_at = clock_timestamp() WHERE ${OWN} AND id = $1`, [id])) === 1
    );
  }

  /** A key of any organization, unless it is revoked. */
  async lookUp(tx: SystemTx, id: string): Promise<KnownKey | undefined> {
    const text = `SELECT org_id, id, role, user_id, secret_hash, expires_at FROM api_keys WHERE id = $1 AND revoked_at IS NULL`;
    const [row] = await tx.query<KnownKey>({ name: 'api-keys.look-up', text }, [id]);
    return row;
  }

  /**
   * Keys of any organization revoked since shortly before `since`, by default now. The ten seconds are for revocations
   * that were dated before the last poll and committed after it.
   */
  async revokedSince(tx: SystemTx, since?: Date): Promise<Revocations> {
    const text = `
      SELECT now() AS polled_at, ARRAY(
        SELECT id::text FROM api_keys WHERE revoked_at > coalesce($1::timestamptz, now()) - interval '10 seconds'
      ) AS ids`;
    const [row] = await tx.query<Revocations>({ name: 'api-keys.revoked-since', text }, [since ?? null]);
    return row;
  }

  /** Notes the use of a key, to the minute whatever the number of instances. */
  async touch(tx: SystemTx, id: string): Promise<void> {
    await tx.execute(
      `UPDATE api_keys SET last_used_at = now()
       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
      [id],
    );
  }
}
