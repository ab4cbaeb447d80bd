import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import { endOfPrefix } from '../database/door/conditions';
import { bySession, type SharedSession } from '../threads/target';
import {
  forTargets,
  present,
  principalValues,
  targetValues,
  TOUCH,
  unexpired,
  visibleThread,
} from '../threads/thread-access';
import type { Thread } from '../threads/thread.entity';
import type { Session, SessionRow } from './session.entity';

/** Milliseconds after the last read or write, and after the last write; null: for ever. */
interface Lifetime {
  ttlMs: number | null;
  maxAgeMs: number | null;
}

/** Members that are absent stay; null clears. */
export type SessionPatch = Partial<Pick<Session, 'notebook_id' | 'prompt_name' | 'system_prompt' | 'max_tokens'>>;

export const SESSION_COLUMNS = `s.org_id, s.user_id, s.id, s.thread_id, s.notebook_id, s.prompt_name, s.system_prompt,
  s.max_tokens, s.variables, s.saved_version, greatest(s.last_accessed_at, t.updated_at) AS last_accessed_at, t.name,
  t.metadata, t.auto_summarize, t.message_count, t.token_count, t.total_cost, t.version, t.expires_at, t.created_at, t.updated_at,
  (SELECT p.id FROM sessions p WHERE p.org_id = t.org_id AND p.thread_id = t.forked_from_thread_id) AS parent_session_id`;

export const LIVE_SESSIONS = `sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id
  AND t.session_id IS NOT NULL AND ${unexpired('t')}`;

/** A session of the caller's; its three parameters come from `keyValues`. */
export const KEY = `s.org_id = $1 AND s.user_id = $2 AND s.id = $3`;

export const keyValues = (principal: Principal, id: string) => [principal.orgId, principal.userId, id];

const OF_OWNER = `s.org_id = $1 AND s.user_id = $4 AND s.id = $5 AND ${visibleThread('t', 1)}`;

const ownerValues = (principal: Principal, { ownerId, id }: SharedSession) => [
  ...principalValues(principal),
  ownerId,
  id,
];

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

  /** @returns the owner's session if it is live and in the caller's sight */
  async findShared(tx: TenantTx, principal: Principal, session: SharedSession): Promise<SessionRow | undefined> {
    const text = `SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE ${OF_OWNER}`;
    return (await tx.query<SessionRow>({ name: 'shared_sessions_find', text }, ownerValues(principal, session)))[0];
  }

  /** The same, its thread only. */
  async findSharedThread(tx: TenantTx, principal: Principal, session: SharedSession): Promise<string | undefined> {
    const text = `SELECT t.id FROM ${LIVE_SESSIONS} WHERE ${OF_OWNER}`;
    const values = ownerValues(principal, session);
    return (await tx.query<{ id: string }>({ name: 'shared_sessions_find_thread', text }, values))[0]?.id;
  }

  /** The live ones of these, in no order. */
  findMany(tx: TenantTx, principal: Principal, ids: string[]): Promise<SessionRow[]> {
    const text = `
      SELECT ${SESSION_COLUMNS} FROM ${LIVE_SESSIONS} WHERE s.org_id = $1 AND s.user_id = $2 AND s.id = ANY($3::text[])`;
    return tx.query<SessionRow>({ name: 'sessions_find_many', text }, [principal.orgId, principal.userId, ids]);
  }

  /** Notes a read, which keeps the session alive (P32). @returns whether it is live */
  async touch(tx: TenantTx, principal: Principal, id: string, { maxAgeMs, ttlMs }: Lifetime): Promise<boolean> {
    const values = [...targetValues(principal, bySession(id)), maxAgeMs, ttlMs];
    return (await tx.execute(TOUCH_ON_READ, values)) === 1;
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
  async change(tx: TenantTx, principal: Principal, id: string, patch: SessionPatch): Promise<void> {
    const text = `
      UPDATE sessions s SET
        notebook_id = CASE WHEN $4::jsonb ? 'notebook_id' THEN $4->>'notebook_id' ELSE s.notebook_id END,
        prompt_name = CASE WHEN $4 ? 'prompt_name' THEN $4->>'prompt_name' ELSE s.prompt_name END,
        system_prompt = CASE WHEN $4 ? 'system_prompt' THEN $4->>'system_prompt' ELSE s.system_prompt END,
        max_tokens = CASE WHEN $4 ? 'max_tokens' THEN ($4->>'max_tokens')::int ELSE s.max_tokens END
      WHERE ${KEY}`;
    await tx.execute({ name: 'sessions_change', text }, [...keyValues(principal, id), JSON.stringify(patch)]);
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
