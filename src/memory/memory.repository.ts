import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/door/tenant-database';
import { unexpired } from '../threads/thread-access';
import type { Memory } from './memory.entity';

/** Whose entries: a user's own, or those of one session of theirs. */
export interface MemoryScope {
  readonly orgId: string;
  readonly userId: string;
  readonly sessionId?: string;
}

/** What a save writes beside the entries. */
export interface SaveDetails {
  readonly expiresAt?: Date;
  readonly ttlSeconds?: number;
  readonly savedBy: string;
  /** How many earlier values of a key are kept. */
  readonly historyLimit: number;
}

/** The entries of the scope in `$1` to `$3`, and of those nothing that has expired, with its session or alone. */
export const inScope = (alias: string) => `${ofScope(alias)} AND ${unexpired(alias)}
  AND ($3 = '' OR EXISTS (
    SELECT 1 FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
    WHERE s.org_id = $1 AND s.user_id = $2 AND s.id = $3 AND t.session_id IS NOT NULL AND ${unexpired('t')}))`;

/** The values of `$1` to `$3`. */
export const scopeValues = ({ orgId, userId, sessionId = '' }: MemoryScope): [string, string, string] => [
  orgId,
  userId,
  sessionId,
];

const ofScope = (alias: string) => `${alias}.org_id = $1 AND ${alias}.user_id = $2 AND ${alias}.session_scope = $3`;

const alive = (alias: string, awake: string) => `${unexpired(alias)} AND (${alias}.session_id IS NULL OR EXISTS (
  SELECT 1 FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  WHERE s.org_id = ${alias}.org_id AND s.user_id = ${alias}.user_id AND s.id = ${alias}.session_id
    AND ${unexpired('t')} ${awake}))`;

/** Whatever the scope: an entry that can be read now. */
export const readable = (alias: string) => alive(alias, 'AND t.session_id IS NOT NULL');

/** The same, and what belongs to a sleeping session: it is kept for it. */
const LIVE = alive('m', '');

const EXPIRY = `coalesce($4::timestamptz, clock_timestamp() + $5::bigint * interval '1 second')`;
const NEXT = `version = m.version + 1, updated_at = greatest(clock_timestamp(), m.updated_at + interval '1 ms')`;

/** Each save keeps its own value as a version, in the same statement: so none is lost, whoever else saves. */
const KEEP_VERSIONS = `
  kept AS (
    INSERT INTO memory_versions (org_id, user_id, session_scope, key, version, value, saved_by, saved_at)
    SELECT s.org_id, s.user_id, s.session_scope, s.key, s.version, s.value, $6, s.updated_at FROM saved s WHERE $7::int > 0
  ), trimmed AS (
    DELETE FROM memory_versions v USING saved s
    WHERE v.org_id = s.org_id AND v.user_id = s.user_id AND v.session_scope = s.session_scope AND v.key = s.key
      AND v.version < s.version - $7::int
  )
  SELECT * FROM saved ORDER BY key`;

const UPDATE = `
  WITH saved AS (
    UPDATE memories m SET value = $9::jsonb, expires_at = ${EXPIRY}, ${NEXT}
    WHERE ${inScope('m')} AND m.key = $8 AND ($10::bigint IS NULL OR m.version = $10)
    RETURNING m.*
  ), ${KEEP_VERSIONS}`;

/* In the order of the keys, as every writer of several keys takes them. */
const INSERT_OR_UPDATE = `
  WITH saved AS (
    INSERT INTO memories AS m (org_id, user_id, session_scope, session_id, key, value, expires_at)
    SELECT $1, $2, $3, nullif($3, ''), e.key, e.value, ${EXPIRY}
    FROM jsonb_each($8::jsonb) e ORDER BY e.key COLLATE "C"
    ON CONFLICT (org_id, user_id, session_scope, key) DO UPDATE SET
      value = excluded.value, expires_at = excluded.expires_at, ${NEXT}
    RETURNING m.*
  ), ${KEEP_VERSIONS}`;

const detailValues = ({ expiresAt, ttlSeconds, savedBy, historyLimit }: SaveDetails) => [
  expiresAt,
  ttlSeconds,
  savedBy,
  historyLimit,
];

@Injectable()
export class MemoryRepository {
  async find(tx: TenantTx, scope: MemoryScope, key: string): Promise<Memory | undefined> {
    const text = `SELECT m.* FROM memories m WHERE ${inScope('m')} AND m.key = $4`;
    const rows = await tx.query<Memory>({ name: 'memories_find', text }, [...scopeValues(scope), key]);
    return rows[0];
  }

  /** Saves a key that is there. @returns `undefined` when it is not there or at another version */
  async update(
    tx: TenantTx,
    scope: MemoryScope,
    [key, value]: readonly [key: string, value: unknown],
    details: SaveDetails,
    version?: number,
  ): Promise<Memory | undefined> {
    const values = [...scopeValues(scope), ...detailValues(details), key, JSON.stringify(value), version];
    const rows = await tx.query<Memory>({ name: 'memories_update', text: UPDATE }, values);
    return rows[0];
  }

  /** Saves all of these keys, whether or not they are there. @returns them in their order; a new one has version 1 */
  insertOrUpdate(
    tx: TenantTx,
    scope: MemoryScope,
    entries: Record<string, unknown>,
    details: SaveDetails,
  ): Promise<Memory[]> {
    const values = [...scopeValues(scope), ...detailValues(details), JSON.stringify(entries)];
    return tx.query<Memory>({ name: 'memories_insert_or_update', text: INSERT_OR_UPDATE }, values);
  }

  /** Lets nobody else add or clear entries of the user until `tx` ends; saves of what is there pass. */
  async lockUser(tx: TenantTx, { orgId, userId }: MemoryScope): Promise<void> {
    const text = `SELECT 1 AS held FROM users WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE`;
    await tx.query({ name: 'memories_lock_user', text }, [orgId, userId]);
  }

  /** Removes those of the keys whose time is over: saved again, they begin anew. */
  async deleteExpired(tx: TenantTx, scope: MemoryScope, keys: string[]): Promise<void> {
    const text = `DELETE FROM memories m WHERE ${ofScope('m')} AND m.key = ANY($4) AND NOT ${unexpired('m')}`;
    await tx.execute({ name: 'memories_delete_expired', text }, [...scopeValues(scope), keys]);
  }

  /** Removes everything of the user that nobody can read any more. @returns how many */
  deleteDead(tx: TenantTx, { orgId, userId }: MemoryScope): Promise<number> {
    const text = `DELETE FROM memories m WHERE m.org_id = $1 AND m.user_id = $2 AND NOT (${LIVE})`;
    return tx.execute({ name: 'memories_delete_dead', text }, [orgId, userId]);
  }

  /** Whether the user has more entries than `maximum`; looks at no more than it must. */
  async exceeds(tx: TenantTx, { orgId, userId }: MemoryScope, maximum: number): Promise<boolean> {
    const text = `SELECT 1 AS extra FROM memories m WHERE m.org_id = $1 AND m.user_id = $2 OFFSET $3 LIMIT 1`;
    return (await tx.query({ name: 'memories_exceed', text }, [orgId, userId, maximum])).length > 0;
  }

  /** @returns whether it was there, at that version */
  async delete(tx: TenantTx, scope: MemoryScope, key: string, version?: number): Promise<boolean> {
    const text = `DELETE FROM memories m WHERE ${inScope('m')} AND m.key = $4 AND ($5::bigint IS NULL OR m.version = $5)`;
    return (await tx.execute({ name: 'memories_delete', text }, [...scopeValues(scope), key, version])) === 1;
  }

  /** Removes the session's entries, or without one everything of the user. @returns how many could be read */
  async clear(tx: TenantTx, { orgId, userId, sessionId }: MemoryScope): Promise<number> {
    const text = `
      WITH removed AS (
        DELETE FROM memories m WHERE m.org_id = $1 AND m.user_id = $2 AND ($3::text IS NULL OR m.session_scope = $3)
        RETURNING ${LIVE} AS live
      )
      SELECT count(*) FILTER (WHERE live) AS count FROM removed`;
    const rows = await tx.query<{ count: number }>({ name: 'memories_clear', text }, [orgId, userId, sessionId]);
    return rows[0].count;
  }
}
