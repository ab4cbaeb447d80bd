import { Injectable } from '@nestjs/common';
import { HASHED_LOCKS } from '../../database/door/locks';
import { columnsOf } from '../../database/door/conditions';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import type { Principal } from '../../organizations';
import { EXPIRED, present, Thread, unexpired } from '../../threads';
import { Session } from '../session.entity';
import { KEY, type KeyNames, LIVE_SESSIONS } from '../sessions.repository';

/** A live session's thread, held, with what a writer must know of the session. */
export type HeldSession = Thread & Pick<Session, 'notebook_id' | 'system_prompt' | 'max_tokens' | 'variables'>;

type ThreadKey = Pick<Thread, 'org_id' | 'id'>;

/** What is left of a session that is not active. */
export interface Leftover {
  thread_id: string;
  notebook_id: string | null;
  expired: boolean;
  /** Its thread is in the trash. */
  deleted: boolean;
}

interface NewSession {
  id: string;
  thread_id: string;
  title: string;
  metadata: Record<string, unknown>;
}

const HOLD = sql<KeyNames, HeldSession>('sessions_hold')`
  SELECT ${columnsOf(Thread, 't')}, s.notebook_id, s.system_prompt, s.max_tokens, s.variables FROM ${LIVE_SESSIONS}
  WHERE ${KEY} FOR UPDATE OF t FOR NO KEY UPDATE OF s`;

const LOCK_CREATION = sql<'name'>('sessions_lock_creation')`
  SELECT pg_advisory_xact_lock(hashtextextended(:name, ${String(HASHED_LOCKS.sessions)}))`;

const HOLD_LEFTOVER = sql<KeyNames, Leftover>('sessions_hold_leftover')`
  SELECT t.id AS thread_id, s.notebook_id, NOT ${unexpired('t')} AS expired, t.deleted_at IS NOT NULL AS deleted
  FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id WHERE ${KEY} FOR UPDATE OF t`;

const EXISTS = sql<KeyNames>('sessions_exists')`
  SELECT 1 AS found FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  WHERE ${KEY} AND ${present('t')}`;

const INSERT = sql<KeyNames | 'threadId' | 'title' | 'metadata' | 'lifetimeMs'>('sessions_insert')`
  WITH clock AS (SELECT clock_timestamp() AS now), thread AS (
    INSERT INTO threads (org_id, id, user_id, name, metadata, session_id, lifetime_ms, expires_at, created_at, updated_at)
    SELECT :orgId, :threadId, :userId, :title, :metadata, :id, :lifetimeMs, now + :lifetimeMs::bigint * interval '1 ms',
      now, now FROM clock
  )
  INSERT INTO sessions (org_id, user_id, id, thread_id, last_accessed_at, created_at)
  SELECT :orgId, :userId, :id, :threadId, now, now FROM clock`;

/* `awake` is the index: a notebook's session that sleeps or lies in the trash is not looked at. */
const ACTIVE_NOTEBOOKS = `sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  WHERE s.org_id = :orgId AND s.awake AND s.notebook_id IS NOT NULL AND t.session_id IS NOT NULL AND ${unexpired('t')}`;

const COUNT_ACTIVE = sql<'orgId', { active: number }>('sessions_count_active')`
  SELECT count(*) AS active FROM ${ACTIVE_NOTEBOOKS}`;

/* Materialized: a subquery with LIMIT may run again for each row that it is compared with, and evict one each time. */
const EVICT = sql<'orgId' | 'count'>('sessions_evict')`
  WITH oldest AS MATERIALIZED (
    SELECT t.org_id, t.id, t.updated_at FROM ${ACTIVE_NOTEBOOKS} ORDER BY t.updated_at, t.id LIMIT :count
  )
  UPDATE threads t SET session_id = NULL FROM oldest
  WHERE t.org_id = oldest.org_id AND t.id = oldest.id AND t.updated_at = oldest.updated_at`;

const DISCARD_EXPIRED = sql<'orgId' | 'threadId'>('sessions_discard_expired')`
  UPDATE threads t SET ${EXPIRED} WHERE t.org_id = :orgId AND t.id = :threadId`;

const KEEP_ALIVE = sql<'orgId' | 'threadId' | 'ms'>('sessions_keep_alive')`
  UPDATE threads t SET expires_at = greatest(t.expires_at, clock_timestamp() + :ms::bigint * interval '1 ms')
  WHERE t.org_id = :orgId AND t.id = :threadId AND t.expires_at IS NOT NULL`;

const SET_LIFETIME = sql<'orgId' | 'threadId' | 'lifetimeMs'>('sessions_set_lifetime')`
  UPDATE threads t SET lifetime_ms = :lifetimeMs, expires_at = clock_timestamp() + :lifetimeMs::bigint * interval '1 ms'
  WHERE t.org_id = :orgId AND t.id = :threadId`;

/** How sessions come into being, go on, sleep and wake. */
@Injectable()
export class SessionOpeningRepository {
  /**
   * The live session's thread; nobody else writes to it until the transaction ends. The session's row is locked as well: what
   * is not locked would be read as it was before a wait.
   */
  async hold(tx: TenantTx, principal: Principal, id: string): Promise<HeldSession | undefined> {
    return (await tx.query(HOLD, { ...principal, id }))[0];
  }

  /** One creation at a time for each `name`, until the transaction ends. */
  async lockCreation(tx: TenantTx, name: string): Promise<void> {
    await tx.query(LOCK_CREATION, { name });
  }

  /** The session as it was before it expired or was evicted. */
  async holdLeftover(tx: TenantTx, principal: Principal, id: string): Promise<Leftover | undefined> {
    return (await tx.query(HOLD_LEFTOVER, { ...principal, id }))[0];
  }

  /** Whether it is there, active or asleep. */
  async exists(tx: TenantTx, principal: Principal, id: string): Promise<boolean> {
    return (await tx.query(EXISTS, { ...principal, id })).length > 0;
  }

  async insert(tx: TenantTx, principal: Principal, session: NewSession, lifetimeMs: number | null): Promise<void> {
    const { id, thread_id: threadId, title, metadata } = session;
    await tx.execute(INSERT, { ...principal, id, threadId, title, metadata, lifetimeMs });
  }

  /** Makes an evicted session active again. */
  async revive(tx: TenantTx, { orgId }: Principal, threadId: string, id: string): Promise<void> {
    await tx.repo(Thread).update({ org_id: orgId, id: threadId }, { session_id: id });
  }

  /** Gives the id away: the thread stays in the trash, as one of no session. */
  async release(tx: TenantTx, { orgId, userId }: Principal, id: string): Promise<void> {
    await tx.repo(Session).delete({ org_id: orgId, user_id: userId, id });
  }

  async deleteThread(tx: TenantTx, { orgId }: Principal, threadId: string): Promise<void> {
    await tx.repo(Thread).delete({ org_id: orgId, id: threadId });
  }

  /** Moves an expired thread to the trash, where it is as one of no session. */
  async discard(tx: TenantTx, { orgId }: Principal, threadId: string): Promise<void> {
    await tx.execute(DISCARD_EXPIRED, { orgId, threadId });
  }

  /** Active sessions of notebooks in the organization. */
  async countActive(tx: TenantTx, orgId: string): Promise<number> {
    return (await tx.query(COUNT_ACTIVE, { orgId }))[0].active;
  }

  /**
   * Puts the notebooks' sessions to sleep that were written to least recently; the next read or write wakes them. One that is written to
   * at this moment stays awake, so there may be fewer than `count`.
   */
  async evict(tx: TenantTx, orgId: string, count: number): Promise<void> {
    await tx.execute(EVICT, { orgId, count });
  }

  /** Lets the thread live for so long from now on, at least. */
  async keepAlive(tx: TenantTx, thread: Thread, ms: number | null): Promise<void> {
    await tx.execute(KEEP_ALIVE, { orgId: thread.org_id, threadId: thread.id, ms });
  }

  /** Lets the thread live as long as the configuration says now, from now on: it may not end under who resumes it. */
  async setLifetime(tx: TenantTx, thread: ThreadKey, lifetimeMs: number | null): Promise<void> {
    await tx.execute(SET_LIFETIME, { orgId: thread.org_id, threadId: thread.id, lifetimeMs });
  }
}
