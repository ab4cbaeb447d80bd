import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { endOfPrefix } from '../database/door/conditions';
import {
  present,
  type PrincipalNames,
  type SharedSession,
  sqlForTarget,
  type Thread,
  TOUCH,
  unexpired,
  visible,
} from '../threads';
import { Session, type SessionRow } from './session.entity';

/** Milliseconds after the last read or write, and for a notebook's session after the last write; null: for ever. */
interface Lifetime {
  ttlMs: number | null;
  maxAgeMs: number | null;
}

/** Members that are absent stay; null clears. */
export type SessionPatch = Partial<Pick<Session, 'notebook_id' | 'prompt_name' | 'system_prompt' | 'max_tokens'>>;

export const SESSION_COLUMNS = `s.org_id, s.user_id, s.id, s.thread_id, s.notebook_id, s.prompt_name, s.system_prompt,
  s.max_tokens, s.variables, s.saved_version, greatest(s.last_accessed_at, t.updated_at) AS last_accessed_at, t.name,
  t.metadata, t.auto_summarize, t.message_count, t.token_count, t.total_cost, t.version, t.expires_at, t.created_at, t.updated_at,
  t.status, t.session_id IS NOT NULL AS is_awake,
  (SELECT p.id FROM sessions p WHERE p.org_id = t.org_id AND p.thread_id = t.forked_from_thread_id) AS parent_session_id`;

export const LIVE_SESSIONS = `sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  AND t.session_id IS NOT NULL AND ${unexpired('t')}`;

/** A session of the caller's: `{ ...principal, id }` has the values. */
export const KEY = `s.org_id = :orgId AND s.user_id = :userId AND s.id = :id`;
export type KeyNames = 'orgId' | 'userId' | 'id';

const OF_OWNER = `s.org_id = :orgId AND s.user_id = :ownerId AND s.id = :id AND ${visible('t')}`;
type OwnerNames = PrincipalNames | 'ownerId' | 'id';

const FIND = sql<KeyNames, SessionRow>('sessions_find')`SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE ${KEY}`;

const FIND_SHARED = sql<OwnerNames, SessionRow>('shared_sessions_find')`
  SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE ${OF_OWNER}`;

const FIND_SHARED_THREAD = sql<OwnerNames, Pick<Thread, 'id'>>('shared_sessions_find_thread')`
  SELECT t.id FROM ${LIVE_SESSIONS} WHERE ${OF_OWNER}`;

const SLEEPS = sql<OwnerNames, { sleeps: boolean }>('sessions_sleeps')`
  SELECT t.session_id IS NULL AS sleeps FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  WHERE ${OF_OWNER}`;

const FIND_MANY = sql<'orgId' | 'userId' | 'ids', SessionRow>('sessions_find_many')`
  SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS}
  WHERE s.org_id = :orgId AND s.user_id = :userId AND s.id = ANY(:ids::text[])`;

const TOUCH_ON_READ = sqlForTarget<keyof Lifetime>(
  'sessions_touch',
  'own',
)(
  (isTarget) => `
    WITH touched AS (
      UPDATE threads t SET expires_at = CASE WHEN t.expires_at IS NOT NULL THEN greatest(t.expires_at, least(
        t.updated_at + CASE WHEN o.notebook_id IS NOT NULL THEN :maxAgeMs::bigint END * interval '1 ms',
        clock_timestamp() + :ttlMs::bigint * interval '1 ms')) END
      FROM sessions o WHERE ${isTarget} AND o.org_id = t.org_id AND o.thread_id = t.id RETURNING t.org_id, t.id
    )
    UPDATE sessions s SET last_accessed_at = clock_timestamp() FROM touched
    WHERE s.org_id = touched.org_id AND s.thread_id = touched.id`,
).session;

const SAVE_METADATA = sql<'orgId' | 'threadId' | 'metadata'>('sessions_save_metadata')`
  WITH thread AS (
    UPDATE threads t SET metadata = :metadata, ${TOUCH}
    WHERE t.org_id = :orgId AND t.id = :threadId RETURNING t.org_id, t.id, t.version
  )
  UPDATE sessions s SET saved_version = thread.version FROM thread
  WHERE s.org_id = thread.org_id AND s.thread_id = thread.id`;

type Variables = Pick<Session, 'variables'>;

const MERGE_VARIABLES = sql<KeyNames | 'patch', Variables>('sessions_merge_variables')`
  UPDATE sessions s SET variables = throughline_merge_patch_in_order(s.variables, :patch::json)
  WHERE ${KEY} RETURNING s.variables`;

const REPLACE_VARIABLES = sql<KeyNames | 'variables', Variables>('sessions_replace_variables')`
  UPDATE sessions s SET variables = :variables::json WHERE ${KEY} RETURNING s.variables`;

const DELETE = sql<KeyNames | 'version'>('sessions_delete')`
  DELETE FROM threads t USING sessions s
  WHERE ${KEY} AND t.org_id = s.org_id AND t.id = s.thread_id AND ${present('t')}
    AND (:version::bigint IS NULL OR t.version = :version)`;

const DELETE_BY_PREFIX = sql<'orgId' | 'userId' | 'prefix' | 'end'>('sessions_delete_by_prefix')`
  DELETE FROM threads t USING sessions s
  WHERE s.org_id = :orgId AND s.user_id = :userId AND s.id >= :prefix AND (:end::text IS NULL OR s.id < :end)
    AND t.org_id = s.org_id AND t.id = s.thread_id AND ${present('t')}`;

@Injectable()
export class SessionsRepository {
  /** @returns the session if it is live */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<SessionRow | undefined> {
    return (await tx.query(FIND, { ...principal, id }))[0];
  }

  /** @returns the owner's session if it is live and in the caller's sight */
  async findShared(tx: TenantTx, principal: Principal, session: SharedSession): Promise<SessionRow | undefined> {
    return (await tx.query(FIND_SHARED, { ...principal, ownerId: session.ownerId, id: session.id }))[0];
  }

  /** The same, its thread only. */
  async findSharedThread(tx: TenantTx, principal: Principal, session: SharedSession): Promise<string | undefined> {
    return (await tx.query(FIND_SHARED_THREAD, { ...principal, ownerId: session.ownerId, id: session.id }))[0]?.id;
  }

  /** Whether a session sleeps; `undefined`: none is in the caller's sight. */
  async sleeps(tx: TenantTx, principal: Principal, ownerId: string, id: string): Promise<boolean | undefined> {
    return (await tx.query(SLEEPS, { ...principal, ownerId, id })).at(0)?.sleeps;
  }

  /** The live ones of these, in no order. */
  findMany(tx: TenantTx, principal: Principal, ids: string[]): Promise<SessionRow[]> {
    return tx.query(FIND_MANY, { ...principal, ids });
  }

  /** Notes a read, which keeps the session alive (P32). @returns whether it is live */
  async touch(tx: TenantTx, principal: Principal, id: string, { maxAgeMs, ttlMs }: Lifetime): Promise<boolean> {
    return (await tx.execute(TOUCH_ON_READ, { ...principal, target: id, maxAgeMs, ttlMs })) === 1;
  }

  /** Replaces the metadata, and notes the version that the whole state was saved as. */
  async saveMetadata(tx: TenantTx, thread: Thread, metadata: Record<string, unknown>): Promise<void> {
    await tx.execute(SAVE_METADATA, { orgId: thread.org_id, threadId: thread.id, metadata });
  }

  /** Changes what only sessions have; the thread was touched before, in the same transaction. */
  async change(tx: TenantTx, { orgId, userId }: Principal, id: string, patch: SessionPatch): Promise<void> {
    await tx.repo(Session).update({ org_id: orgId, user_id: userId, id }, patch);
  }

  /** @returns the variables as they are then */
  async mergeVariables(tx: TenantTx, principal: Principal, id: string, patch: Record<string, unknown>) {
    const [{ variables }] = await tx.query(MERGE_VARIABLES, { ...principal, id, patch: JSON.stringify(patch) });
    return variables;
  }

  /** @returns the variables as they are then */
  async replaceVariables(tx: TenantTx, principal: Principal, id: string, variables: Record<string, unknown>) {
    const values = { ...principal, id, variables: JSON.stringify(variables) };
    return (await tx.query(REPLACE_VARIABLES, values))[0].variables;
  }

  /** Sleeping ones too. @returns whether it was there, at that version */
  async delete(tx: TenantTx, principal: Principal, id: string, version?: number): Promise<boolean> {
    return (await tx.execute(DELETE, { ...principal, id, version })) === 1;
  }

  /** @returns how many there were; sleeping ones too */
  async deleteByPrefix(tx: TenantTx, principal: Principal, prefix: string): Promise<number> {
    return tx.execute(DELETE_BY_PREFIX, { ...principal, prefix, end: endOfPrefix(prefix) });
  }
}
