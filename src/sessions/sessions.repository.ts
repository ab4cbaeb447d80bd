import { Injectable } from '@nestjs/common';
import { HASHED_LOCKS } from '../database/door/locks';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import { endOfPrefix } from '../database/door/prefix';
import { bySession, forTargets, present, targetValues, TOUCH, unexpired } from '../threads/thread-access';
import type { Thread } from '../threads/thread.entity';
import type { Session } from './session.entity';
import type { SessionLifetime } from './opening/session-lifetime';

type OfThread =
  'name' | 'metadata' | 'auto_summarize' | 'message_count' | 'token_count' | 'total_cost' | 'version' | 'expires_at';

/** A live session with what its thread says of it. */
export type SessionRow = Omit<Session, 'thread' | 'turn_id' | 'turn_expires_at'> &
  Pick<Thread, OfThread | 'updated_at'> & { parent_session_id: string | null };

/** A live session's thread, held, with what a writer must know of the session. */
export type HeldSession = Thread & Pick<Session, 'notebook_id' | 'system_prompt' | 'max_tokens' | 'variables'>;

/** What is left of a session that is not active. */
export interface Leftover {
  thread_id: string;
  expired: boolean;
  /** Its thread is in the trash. */
  deleted: boolean;
}

export interface NewSession {
  id: string;
  thread_id: string;
  title: string;
  metadata: Record<string, unknown>;
}

/** Members that are absent stay; null clears. */
export type SessionChange = Partial<Pick<Session, 'notebook_id' | 'prompt_name' | 'system_prompt' | 'max_tokens'>>;

export const SESSION_COLUMNS = `s.org_id, s.user_id, s.id, s.thread_id, s.notebook_id, s.prompt_name, s.system_prompt,
  s.max_tokens, s.variables, s.saved_version, greatest(s.last_accessed_at, t.updated_at) AS last_accessed_at, t.name,
  t.metadata, t.auto_summarize, t.message_count, t.token_count, t.total_cost, t.version, t.expires_at, t.created_at, t.updated_at,
  (SELECT p.id FROM sessions p WHERE p.org_id = t.org_id AND p.thread_id = t.forked_from_thread_id) AS parent_session_id`;

export const LIVE_SESSIONS = `sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  AND t.session_id IS NOT NULL AND ${unexpired('t')}`;

const KEY = `s.org_id = $1 AND s.user_id = $2 AND s.id = $3`;

const keyValues = (principal: Principal, id: string) => [principal.orgId, principal.userId, id];

const TOUCH_ON_READ = forTargets(
  { name: 'sessions_touch' },
  'own',
  (isTarget) => `
    WITH touched AS (
      UPDATE threads t SET expires_at = CASE WHEN t.expires_at IS NOT NULL THEN greatest(t.expires_at, least(
        t.updated_at + $5::bigint * interval '1 ms', clock_timestamp() + $6::bigint * interval '1 ms')) END
      WHERE ${isTarget} RETURNING t.org_id, t.id
    )
    UPDATE sessions s SET last_accessed_at = clock_timestamp() FROM touched
    WHERE s.org_id = touched.org_id AND s.thread_id = touched.id`,
).session;

@Injectable()
export class SessionsRepository {
  /** @returns the session if it is live */
  async find(tx: TenantTx, principal: Principal, id: string): Promise<SessionRow | undefined> {
    const text = `SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE ${KEY}`;
    return (await tx.query<SessionRow>({ name: 'sessions_find', text }, keyValues(principal, id)))[0];
  }

  /** The live ones of these, in no order. */
  findMany(tx: TenantTx, principal: Principal, ids: string[]): Promise<SessionRow[]> {
    const text = `
      SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE s.org_id = $1 AND s.user_id = $2 AND s.id = ANY($3::text[])`;
    return tx.query<SessionRow>({ name: 'sessions_find_many', text }, [principal.orgId, principal.userId, ids]);
  }

  /**
   * The live session's thread; nobody else writes to it until the transaction ends. The session's row is locked as well: what
   * is not locked would be read as it was before a wait.
   */
  async hold(tx: TenantTx, principal: Principal, id: string): Promise<HeldSession | undefined> {
    const text = `
      SELECT t.*, s.notebook_id, s.system_prompt, s.max_tokens, s.variables FROM ${LIVE_SESSIONS}
      WHERE ${KEY} FOR UPDATE OF t FOR NO KEY UPDATE OF s`;
    return (await tx.query<HeldSession>({ name: 'sessions_hold', text }, keyValues(principal, id)))[0];
  }

  /** One creation at a time for each `name`, until the transaction ends. */
  async lockCreation(tx: TenantTx, name: string): Promise<void> {
    const text = `SELECT pg_advisory_xact_lock(hashtextextended($1, ${HASHED_LOCKS.sessions}))`;
    await tx.query({ name: 'sessions_lock_creation', text }, [name]);
  }

  /** The session as it was before it expired or was evicted. */
  async holdLeftover(tx: TenantTx, principal: Principal, id: string): Promise<Leftover | undefined> {
    const text = `
      SELECT t.id AS thread_id, NOT ${unexpired('t')} AS expired, t.deleted_at IS NOT NULL AS deleted
      FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id WHERE ${KEY} FOR UPDATE OF t`;
    return (await tx.query<Leftover>({ name: 'sessions_hold_leftover', text }, keyValues(principal, id)))[0];
  }

  /** Whether it is there, active or asleep. */
  async exists(tx: TenantTx, principal: Principal, id: string): Promise<boolean> {
    const text = `
      SELECT 1 AS found FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
      WHERE ${KEY} AND ${present('t')}`;
    return (await tx.query({ name: 'sessions_exists', text }, keyValues(principal, id))).length > 0;
  }

  async insert(tx: TenantTx, principal: Principal, session: NewSession, lifetimeMs: number | null): Promise<void> {
    const text = `
      WITH clock AS (SELECT clock_timestamp() AS now), thread AS (
        INSERT INTO threads (org_id, id, user_id, name, metadata, session_id, lifetime_ms, expires_at, created_at, updated_at)
        SELECT $1, $4, $2, $5, $6, $3, $7, now + $7::bigint * interval '1 ms', now, now FROM clock
      )
      INSERT INTO sessions (org_id, user_id, id, thread_id, last_accessed_at, created_at)
      SELECT $1, $2, $3, $4, now, now FROM clock`;
    const values = [
      ...keyValues(principal, session.id),
      session.thread_id,
      session.title,
      session.metadata,
      lifetimeMs,
    ];
    await tx.execute({ name: 'sessions_insert', text }, values);
  }

  /** Makes an evicted session active again. */
  async revive(tx: TenantTx, principal: Principal, threadId: string, id: string): Promise<void> {
    const text = `UPDATE threads SET session_id = $3 WHERE org_id = $1 AND id = $2`;
    await tx.execute({ name: 'sessions_revive', text }, [principal.orgId, threadId, id]);
  }

  /** Gives the id away: the thread stays in the trash, as one of no session. */
  async release(tx: TenantTx, principal: Principal, id: string): Promise<void> {
    await tx.execute(
      { name: 'sessions_release', text: `DELETE FROM sessions s WHERE ${KEY}` },
      keyValues(principal, id),
    );
  }

  async deleteThread(tx: TenantTx, principal: Principal, threadId: string): Promise<void> {
    const text = `DELETE FROM threads WHERE org_id = $1 AND id = $2`;
    await tx.execute({ name: 'sessions_delete_thread', text }, [principal.orgId, threadId]);
  }

  /** Active sessions of the organization. */
  async countActive(tx: TenantTx, orgId: string): Promise<number> {
    const text = `
      SELECT count(*) AS active FROM threads t WHERE t.org_id = $1 AND t.session_id IS NOT NULL AND ${unexpired('t')}`;
    return (await tx.query<{ active: number }>({ name: 'sessions_count_active', text }, [orgId]))[0].active;
  }

  /**
   * Puts the sessions to sleep that were written to least recently; the next write wakes them. One that is written to
   * at this moment stays awake, so there may be fewer than `count`.
   */
  async evict(tx: TenantTx, orgId: string, count: number): Promise<void> {
    // Materialized: a subquery with LIMIT may run again for each row that it is compared with, and evict one each time.
    const text = `
      WITH oldest AS MATERIALIZED (
        SELECT t.org_id, t.id, t.updated_at FROM threads t
        WHERE t.org_id = $1 AND t.session_id IS NOT NULL AND ${unexpired('t')} ORDER BY t.updated_at, t.id LIMIT $2
      )
      UPDATE threads t SET session_id = NULL FROM oldest
      WHERE t.org_id = oldest.org_id AND t.id = oldest.id AND t.updated_at = oldest.updated_at`;
    await tx.execute({ name: 'sessions_evict', text }, [orgId, count]);
  }

  /** Notes a read, which keeps the session alive (P32). @returns whether it is live */
  async touch(tx: TenantTx, principal: Principal, id: string, { maxAgeMs, ttlMs }: SessionLifetime): Promise<boolean> {
    const values = [...targetValues(principal, bySession(id)), maxAgeMs, ttlMs];
    return (await tx.execute(TOUCH_ON_READ, values)) === 1;
  }

  /** Lets the thread live for so long from now on, at least. */
  async keepAlive(tx: TenantTx, thread: Thread, ms: number | null): Promise<void> {
    const text = `
      UPDATE threads t SET expires_at = greatest(t.expires_at, clock_timestamp() + $3::bigint * interval '1 ms')
      WHERE t.org_id = $1 AND t.id = $2 AND t.expires_at IS NOT NULL`;
    await tx.execute({ name: 'sessions_keep_alive', text }, [thread.org_id, thread.id, ms]);
  }

  /** Lets the thread live as long as the configuration says now, from now on: it may not end under who resumes it. */
  async setLifetime(tx: TenantTx, thread: Thread, lifetimeMs: number | null): Promise<void> {
    const text = `
      UPDATE threads t SET lifetime_ms = $3, expires_at = clock_timestamp() + $3::bigint * interval '1 ms'
      WHERE t.org_id = $1 AND t.id = $2`;
    await tx.execute({ name: 'sessions_set_lifetime', text }, [thread.org_id, thread.id, lifetimeMs]);
  }

  /** Replaces the metadata, and notes the version that the whole state was saved as. */
  async saveMetadata(tx: TenantTx, thread: Thread, metadata: Record<string, unknown>): Promise<void> {
    const text = `
      WITH thread AS (
        UPDATE threads t SET metadata = $3, ${TOUCH} WHERE t.org_id = $1 AND t.id = $2 RETURNING t.org_id, t.id, t.version
      )
      UPDATE sessions s SET saved_version = thread.version FROM thread
      WHERE s.org_id = thread.org_id AND s.thread_id = thread.id`;
    await tx.execute({ name: 'sessions_save_metadata', text }, [thread.org_id, thread.id, metadata]);
  }

  /** Changes what only sessions have; the thread was touched before, in the same transaction. */
  async change(tx: TenantTx, principal: Principal, id: string, change: SessionChange): Promise<void> {
    const text = `
      UPDATE sessions s SET
        notebook_id = CASE WHEN $4::jsonb ? 'notebook_id' THEN $4->>'notebook_id' ELSE s.notebook_id END,
        prompt_name = CASE WHEN $4 ? 'prompt_name' THEN $4->>'prompt_name' ELSE s.prompt_name END,
        system_prompt = CASE WHEN $4 ? 'system_prompt' THEN $4->>'system_prompt' ELSE s.system_prompt END,
        max_tokens = CASE WHEN $4 ? 'max_tokens' THEN ($4->>'max_tokens')::int ELSE s.max_tokens END
      WHERE ${KEY}`;
    await tx.execute({ name: 'sessions_change', text }, [...keyValues(principal, id), JSON.stringify(change)]);
  }

  /** @returns the variables as they are then */
  async mergeVariables(tx: TenantTx, principal: Principal, id: string, patch: Record<string, unknown>) {
    const text = `
      UPDATE sessions s SET variables = throughline_merge_patch_in_order(s.variables, $4::json)
      WHERE ${KEY} RETURNING s.variables`;
    return this.variablesAfter(tx, { name: 'sessions_merge_variables', text }, principal, id, patch);
  }

  /** @returns the variables as they are then */
  async replaceVariables(tx: TenantTx, principal: Principal, id: string, variables: Record<string, unknown>) {
    const text = `UPDATE sessions s SET variables = $4::json WHERE ${KEY} RETURNING s.variables`;
    return this.variablesAfter(tx, { name: 'sessions_replace_variables', text }, principal, id, variables);
  }

  /** Sleeping ones too. @returns whether it was there, at that version */
  async delete(tx: TenantTx, principal: Principal, id: string, version?: number): Promise<boolean> {
    const text = `
      DELETE FROM threads t USING sessions s
      WHERE ${KEY} AND t.org_id = s.org_id AND t.id = s.thread_id AND ${present('t')}
        AND ($4::bigint IS NULL OR t.version = $4)`;
    return (await tx.execute({ name: 'sessions_delete', text }, [...keyValues(principal, id), version])) === 1;
  }

  /** @returns how many there were; sleeping ones too */
  async deleteByPrefix(tx: TenantTx, principal: Principal, prefix: string): Promise<number> {
    const text = `
      DELETE FROM threads t USING sessions s
      WHERE s.org_id = $1 AND s.user_id = $2 AND s.id >= $3 AND ($4::text IS NULL OR s.id < $4)
        AND t.org_id = s.org_id AND t.id = s.thread_id AND ${present('t')}`;
    return tx.execute({ name: 'sessions_delete_by_prefix', text }, [
      ...keyValues(principal, prefix),
      endOfPrefix(prefix),
    ]);
  }

  private async variablesAfter(
    tx: TenantTx,
    statement: { name: string; text: string },
    principal: Principal,
    id: string,
    value: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const values = [...keyValues(principal, id), JSON.stringify(value)];
    const rows = await tx.query<Pick<Session, 'variables'>>(statement, values);
    return rows[0].variables;
  }
}
