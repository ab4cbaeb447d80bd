import { Injectable } from '@nestjs/common';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { unexpired } from '../threads';
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

const SHOWN = ['key', 'session_id', 'value', 'version', 'expires_at', 'created_at', 'updated_at'] as const;

/** An entry as a view shows it. */
export type MemoryRow = Pick<Memory, (typeof SHOWN)[number]>;

/** Of `memories m`, as a `MemoryRow`. */
export const MEMORY_COLUMNS = SHOWN.map((column) => `m.${column}`).join(', ');

/** The same with the key of the row. */
const SAVED_COLUMNS = `m.org_id, m.user_id, m.session_scope, ${MEMORY_COLUMNS}`;

/** The names of a scope's parameters; `scopeValues` has the values. */
export type ScopeNames = 'orgId' | 'userId' | 'scope';

export const scopeValues = ({ orgId, userId, sessionId = '' }: MemoryScope) => ({ orgId, userId, scope: sessionId });

const ofScope = (alias: string) =>
  `${alias}.org_id = :orgId AND ${alias}.user_id = :userId AND ${alias}.session_scope = :scope`;

/** The entries of the scope, and of those nothing that has expired, with its session or alone. */
export const inScope = (alias: string) => `${ofScope(alias)} AND ${unexpired(alias)}
  AND (:scope = '' OR EXISTS (
    SELECT 1 FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
    WHERE s.org_id = :orgId AND s.user_id = :userId AND s.id = :scope AND t.session_id IS NOT NULL AND ${unexpired('t')}))`;

const alive = (alias: string, awake: string) => `${unexpired(alias)} AND (${alias}.session_id IS NULL OR EXISTS (
  SELECT 1 FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  WHERE s.org_id = ${alias}.org_id AND s.user_id = ${alias}.user_id AND s.id = ${alias}.session_id
    AND ${unexpired('t')} ${awake}))`;

/** Whatever the scope: an entry that can be read now. */
export const readable = (alias: string) => alive(alias, 'AND t.session_id IS NOT NULL');

/** The same, and what belongs to a sleeping session: it is kept for it. */
const LIVE = alive('m', '');

const EXPIRY = `coalesce(:expiresAt::timestamptz, clock_timestamp() + :ttlSeconds::bigint * interval '1 second')`;
const NEXT = `version = m.version + 1, updated_at = greatest(clock_timestamp(), m.updated_at + interval '1 ms')`;

/** Each save keeps its own value as a version, in the same statement: so none is lost, whoever else saves. */
const KEEP_VERSIONS = `
  kept AS (
    INSERT INTO memory_versions (org_id, user_id, session_scope, key, version, value, saved_by, saved_at)
    SELECT s.org_id, s.user_id, s.session_scope, s.key, s.version, s.value, :savedBy, s.updated_at
    FROM saved s WHERE :historyLimit::int > 0
  ), trimmed AS (
    DELETE FROM memory_versions v USING saved s
    WHERE v.org_id = s.org_id AND v.user_id = s.user_id AND v.session_scope = s.session_scope AND v.key = s.key
      AND v.version < s.version - :historyLimit::int
  )
  SELECT ${MEMORY_COLUMNS} FROM saved m ORDER BY m.key`;

type SaveNames = ScopeNames | 'expiresAt' | 'ttlSeconds' | 'savedBy' | 'historyLimit';

const detailValues = ({ expiresAt, ttlSeconds, savedBy, historyLimit }: SaveDetails) => ({
  expiresAt,
  ttlSeconds,
  savedBy,
  historyLimit,
});

const FIND = sql<ScopeNames | 'key', MemoryRow>('memories_find')`
  SELECT ${MEMORY_COLUMNS} FROM memories m WHERE ${inScope('m')} AND m.key = :key`;

const UPDATE = sql<SaveNames | 'key' | 'value' | 'version', MemoryRow>('memories_update')`
  WITH saved AS (
    UPDATE memories m SET value = :value::jsonb, expires_at = ${EXPIRY}, ${NEXT}
    WHERE ${inScope('m')} AND m.key = :key AND (:version::bigint IS NULL OR m.version = :version)
    RETURNING ${SAVED_COLUMNS}
  ), ${KEEP_VERSIONS}`;

/* In the order of the keys, as every writer of several keys takes them. */
const INSERT_OR_UPDATE = sql<SaveNames | 'entries', MemoryRow>('memories_insert_or_update')`
  WITH saved AS (
    INSERT INTO memories AS m (org_id, user_id, session_scope, session_id, key, value, expires_at)
    SELECT :orgId, :userId, :scope, nullif(:scope, ''), e.key, e.value, ${EXPIRY}
    FROM jsonb_each(:entries::jsonb) e ORDER BY e.key COLLATE "C"
    ON CONFLICT (org_id, user_id, session_scope, key) DO UPDATE SET
      value = excluded.value, expires_at = excluded.expires_at, ${NEXT}
    RETURNING ${SAVED_COLUMNS}
  ), ${KEEP_VERSIONS}`;

const LOCK_USER = sql<'orgId' | 'userId'>('memories_lock_user')`
  SELECT 1 AS held FROM users WHERE org_id = :orgId AND id = :userId FOR NO KEY UPDATE`;

const DELETE_EXPIRED = sql<ScopeNames | 'keys'>('memories_delete_expired')`
  DELETE FROM memories m WHERE ${ofScope('m')} AND m.key = ANY(:keys) AND NOT ${unexpired('m')}`;

const DELETE_DEAD = sql<'orgId' | 'userId'>('memories_delete_dead')`
  DELETE FROM memories m WHERE m.org_id = :orgId AND m.user_id = :userId AND NOT (${LIVE})`;

const EXCEEDS = sql<'orgId' | 'userId' | 'maximum'>('memories_exceed')`
  SELECT 1 AS extra FROM memories m WHERE m.org_id = :orgId AND m.user_id = :userId OFFSET :maximum LIMIT 1`;

const DELETE = sql<ScopeNames | 'key' | 'version'>('memories_delete')`
  DELETE FROM memories m WHERE ${inScope('m')} AND m.key = :key AND (:version::bigint IS NULL OR m.version = :version)`;

const CLEAR = sql<'orgId' | 'userId' | 'sessionId', { count: number }>('memories_clear')`
  WITH removed AS (
    DELETE FROM memories m
    WHERE m.org_id = :orgId AND m.user_id = :userId AND (:sessionId::text IS NULL OR m.session_scope = :sessionId)
    RETURNING ${LIVE} AS live
  )
  SELECT count(*) FILTER (WHERE live) AS count FROM removed`;

@Injectable()
export class MemoryRepository {
  async find(tx: TenantTx, scope: MemoryScope, key: string): Promise<MemoryRow | undefined> {
    return (await tx.query(FIND, { ...scopeValues(scope), key }))[0];
  }

  /** Saves a key that is there. @returns `undefined` when it is not there or at another version */
  async update(
    tx: TenantTx,
    scope: MemoryScope,
    [key, value]: readonly [key: string, value: unknown],
    details: SaveDetails,
    version?: number,
  ): Promise<MemoryRow | undefined> {
    const values = { ...scopeValues(scope), ...detailValues(details), key, value: JSON.stringify(value), version };
    return (await tx.query(UPDATE, values))[0];
  }

  /** Saves all of these keys, whether or not they are there. @returns them in their order; a new one has version 1 */
  insertOrUpdate(
    tx: TenantTx,
    scope: MemoryScope,
    entries: Record<string, unknown>,
    details: SaveDetails,
  ): Promise<MemoryRow[]> {
    const values = { ...scopeValues(scope), ...detailValues(details), entries: JSON.stringify(entries) };
    return tx.query(INSERT_OR_UPDATE, values);
  }

  /** Lets nobody else add or clear entries of the user until `tx` ends; saves of what is there pass. */
  async lockUser(tx: TenantTx, { orgId, userId }: MemoryScope): Promise<void> {
    await tx.query(LOCK_USER, { orgId, userId });
  }

  /** Removes those of the keys whose time is over: saved again, they begin anew. */
  async deleteExpired(tx: TenantTx, scope: MemoryScope, keys: string[]): Promise<void> {
    await tx.execute(DELETE_EXPIRED, { ...scopeValues(scope), keys });
  }

  /** Removes everything of the user that nobody can read any more. @returns how many */
  deleteDead(tx: TenantTx, { orgId, userId }: MemoryScope): Promise<number> {
    return tx.execute(DELETE_DEAD, { orgId, userId });
  }

  /** Whether the user has more entries than `maximum`; looks at no more than it must. */
  async exceeds(tx: TenantTx, { orgId, userId }: MemoryScope, maximum: number): Promise<boolean> {
    return (await tx.query(EXCEEDS, { orgId, userId, maximum })).length > 0;
  }

  /** @returns whether it was there, at that version */
  async delete(tx: TenantTx, scope: MemoryScope, key: string, version?: number): Promise<boolean> {
    return (await tx.execute(DELETE, { ...scopeValues(scope), key, version })) === 1;
  }

  /** Removes the session's entries, or without one everything of the user. @returns how many could be read */
  async clear(tx: TenantTx, { orgId, userId, sessionId }: MemoryScope): Promise<number> {
    const [{ count }] = await tx.query(CLEAR, { orgId, userId, sessionId });
    return count;
  }
}
