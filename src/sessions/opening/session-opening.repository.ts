import { Injectable } from '@nestjs/common';
import { HASHED_LOCKS } from '../../database/door/locks';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Principal } from '../../organizations/principal';
import { present, unexpired } from '../../threads/thread-access';
import type { Thread } from '../../threads/thread.entity';
import type { Session } from '../session.entity';
import { KEY, keyValues, LIVE_SESSIONS } from '../sessions.repository';

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

/** How sessions come into being, go on, sleep and wake. */
@Injectable()
export class SessionOpeningRepository {
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
}
