import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/door/tenant-database';
import type { ErasureStep } from './erasure-steps';
import type { Erasure, ErasureSubject } from './erasure.entity';

/** Whose rows go; without a user, the whole organization's. */
export interface Subject {
  orgId: string;
  userId: string | null;
}

export interface NewErasure {
  id: string;
  subject: ErasureSubject;
  user_id: string | null;
  requested_by: string;
}

/** Rows of the subject; `$2` has a place in either form. */
const isSubject = (ofUser: string, { userId }: Subject) =>
  `org_id = $1 AND $2::text IS NOT DISTINCT FROM $2 AND (${userId === null ? 'true' : ofUser})`;

@Injectable()
export class ErasuresRepository {
  async insert(tx: TenantTx, orgId: string, { id, subject, user_id, requested_by }: NewErasure): Promise<void> {
    const text = `INSERT INTO erasures (org_id, id, subject, user_id, requested_by) VALUES ($1, $2, $3, $4, $5)`;
    await tx.execute({ name: 'erasures_insert', text }, [orgId, id, subject, user_id, requested_by]);
  }

  async find(tx: TenantTx, orgId: string, id: string): Promise<Erasure | undefined> {
    const text = `SELECT * FROM erasures WHERE org_id = $1 AND id = $2`;
    return (await tx.query<Erasure>({ name: 'erasures_find', text }, [orgId, id]))[0];
  }

  /** Newest first. Ids are UUIDv7: their order is that of time. */
  list(tx: TenantTx, orgId: string, before: string | undefined, limit: number, offset: number): Promise<Erasure[]> {
    const text = `
      SELECT * FROM erasures WHERE org_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3 OFFSET $4`;
    return tx.query<Erasure>({ name: 'erasures_list', text }, [orgId, before, limit, offset]);
  }

  /** Receipts only: what is under way stays. @returns whether it was there */
  async delete(tx: TenantTx, orgId: string, id: string): Promise<boolean> {
    const text = `DELETE FROM erasures WHERE org_id = $1 AND id = $2 AND status = 'done'`;
    return (await tx.execute({ name: 'erasures_delete', text }, [orgId, id])) === 1;
  }

  /** Keys die before anything else: nothing more is written with them. @returns how many there were */
  async revokeKeys(tx: TenantTx, { orgId, userId }: Subject): Promise<number> {
    const text = `
      UPDATE api_keys SET revoked_at = now()
      WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) AND revoked_at IS NULL`;
    return tx.execute({ name: 'erasures_revoke_keys', text }, [orgId, userId]);
  }

  /** Removes, or overwrites, at most `limit` rows of one table. @returns how many */
  erase(tx: TenantTx, { table, ofUser, instead }: ErasureStep, subject: Subject, limit: number): Promise<number> {
    const rows = `SELECT ctid FROM ${table} WHERE ${isSubject(ofUser, subject)} LIMIT $3`;
    const found = `org_id = $1 AND ctid = ANY (ARRAY(${rows}))`;
    const set = instead && `${instead.column} = ${instead.text === null ? 'NULL' : `'${instead.text}'`}`;
    const text = set ? `UPDATE ${table} SET ${set} WHERE ${found}` : `DELETE FROM ${table} WHERE ${found}`;
    return tx.execute(text, [subject.orgId, subject.userId, limit]);
  }

  /** Whether anything of one table is left to erase. */
  async remains(tx: TenantTx, { table, ofUser }: ErasureStep, subject: Subject): Promise<boolean> {
    const text = `SELECT 1 AS left FROM ${table} WHERE ${isSubject(ofUser, subject)} LIMIT 1`;
    return (await tx.query(text, [subject.orgId, subject.userId])).length > 0;
  }

  /** Books removed rows on the receipt, in the transaction that removed them. */
  async count(tx: TenantTx, orgId: string, id: string, name: string, rows: number): Promise<void> {
    const text = `
      UPDATE erasures SET updated_at = clock_timestamp(),
        rows = jsonb_set(rows, ARRAY[$3::text], to_jsonb(coalesce((rows->>$3)::bigint, 0) + $4::bigint))
      WHERE org_id = $1 AND id = $2`;
    await tx.execute({ name: 'erasures_count', text }, [orgId, id, name, rows]);
  }

  /** Notes that somebody works at it: if it fails, the others come first the next time. */
  async touch(tx: TenantTx, orgId: string, id: string): Promise<void> {
    const text = `UPDATE erasures SET updated_at = clock_timestamp() WHERE org_id = $1 AND id = $2`;
    await tx.execute({ name: 'erasures_touch', text }, [orgId, id]);
  }

  async finish(tx: TenantTx, orgId: string, id: string): Promise<void> {
    const text = `
      UPDATE erasures SET status = 'done', user_id = NULL, finished_at = clock_timestamp(), updated_at = clock_timestamp()
      WHERE org_id = $1 AND id = $2`;
    await tx.execute({ name: 'erasures_finish', text }, [orgId, id]);
  }

  /** With the row of the organization, everything that points at it. */
  async deleteOrganization(tx: TenantTx, orgId: string): Promise<void> {
    await tx.execute({ name: 'erasures_delete_organization', text: `DELETE FROM organizations WHERE id = $1` }, [
      orgId,
    ]);
  }
}
