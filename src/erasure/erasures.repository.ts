import { Injectable } from '@nestjs/common';
import { LessThan } from 'typeorm';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import type { ErasureStep } from './erasure-steps';
import { Erasure, type ErasureSubject } from './erasure.entity';

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

const NOW = () => 'clock_timestamp()';

const isSubject = (ofUser: string, { userId }: Subject) => `org_id = :orgId AND (${userId === null ? 'true' : ofUser})`;

const REVOKE_KEYS = sql<'orgId' | 'userId'>('erasures_revoke_keys')`
  UPDATE api_keys SET revoked_at = now()
  WHERE org_id = :orgId AND (:userId::text IS NULL OR user_id = :userId) AND revoked_at IS NULL`;

const COUNT = sql<'orgId' | 'id' | 'name' | 'removed'>('erasures_count')`
  UPDATE erasures SET updated_at = clock_timestamp(),
    rows = jsonb_set(rows, ARRAY[:name::text], to_jsonb(coalesce((rows->>:name)::bigint, 0) + :removed::bigint))
  WHERE org_id = :orgId AND id = :id`;

const DELETE_ORGANIZATION = sql<'orgId'>('erasures_delete_organization')`DELETE FROM organizations WHERE id = :orgId`;

/** Receipts, by TypeORM; and what is erased, by SQL, because it is of every table. */
@Injectable()
export class ErasuresRepository {
  async insert(tx: TenantTx, orgId: string, erasure: NewErasure): Promise<void> {
    await tx.repo(Erasure).insert({ org_id: orgId, ...erasure });
  }

  find(tx: TenantTx, orgId: string, id: string): Promise<Erasure | null> {
    return tx.repo(Erasure).findOneBy({ org_id: orgId, id });
  }

  /** Newest first. Ids are UUIDv7: their order is that of time. */
  list(tx: TenantTx, orgId: string, before: string | undefined, limit: number, offset: number): Promise<Erasure[]> {
    return tx.repo(Erasure).find({
      where: { org_id: orgId, ...(before === undefined ? {} : { id: LessThan(before) }) },
      order: { id: 'desc' },
      take: limit,
      skip: offset,
    });
  }

  /** Receipts only: what is under way stays. @returns whether it was there */
  async delete(tx: TenantTx, orgId: string, id: string): Promise<boolean> {
    return (await tx.repo(Erasure).delete({ org_id: orgId, id, status: 'done' })).affected === 1;
  }

  /** Keys die before anything else: nothing more is written with them. @returns how many there were */
  async revokeKeys(tx: TenantTx, { orgId, userId }: Subject): Promise<number> {
    return tx.execute(REVOKE_KEYS, { orgId, userId });
  }

  /** Removes, or overwrites, at most `limit` rows of one table. @returns how many */
  erase(tx: TenantTx, { table, ofUser, instead }: ErasureStep, subject: Subject, limit: number): Promise<number> {
    const rows = `SELECT ctid FROM ${table} WHERE ${isSubject(ofUser, subject)} LIMIT :limit`;
    const found = `org_id = :orgId AND ctid = ANY (ARRAY(${rows}))`;
    const emptied = instead?.with ? `, ${instead.with} = NULL` : '';
    const set = instead && `${instead.column} = ${instead.text === null ? 'NULL' : `'${instead.text}'`}${emptied}`;
    const text = set ? `UPDATE ${table} SET ${set} WHERE ${found}` : `DELETE FROM ${table} WHERE ${found}`;
    return tx.execute(text, { ...subject, limit });
  }

  /** Whether anything of one table is left to erase. */
  async remains(tx: TenantTx, { table, ofUser }: ErasureStep, subject: Subject): Promise<boolean> {
    const text = `SELECT 1 AS left FROM ${table} WHERE ${isSubject(ofUser, subject)} LIMIT 1`;
    return (await tx.query(text, { ...subject })).length > 0;
  }

  /** Books removed rows on the receipt, in the transaction that removed them. */
  async count(tx: TenantTx, orgId: string, id: string, name: string, removed: number): Promise<void> {
    await tx.execute(COUNT, { orgId, id, name, removed });
  }

  /** Notes that somebody works at it: if it fails, the others come first the next time. */
  async touch(tx: TenantTx, orgId: string, id: string): Promise<void> {
    await tx.repo(Erasure).update({ org_id: orgId, id }, { updated_at: NOW });
  }

  async finish(tx: TenantTx, orgId: string, id: string): Promise<void> {
    const done = { status: 'done', user_id: null, finished_at: NOW, updated_at: NOW } as const;
    await tx.repo(Erasure).update({ org_id: orgId, id }, done);
  }

  /** With the row of the organization, everything that points at it. */
  async deleteOrganization(tx: TenantTx, orgId: string): Promise<void> {
    await tx.execute(DELETE_ORGANIZATION, { orgId });
  }
}
