import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { sql } from '../../database/door/sql';
import type { TenantTx } from '../../database/door/tenant-database';
import { type Thread, TOUCH, unexpired } from '../../threads';
import { Session } from '../session.entity';

interface Claim {
  id: string;
  sessionId: string;
  notebookId: string;
  variables: Record<string, unknown>;
}

type ClaimNames = 'orgId' | 'userId' | 'sessionId' | 'turnId' | 'leaseMs' | 'notebookId' | 'variables';

const CLAIM = sql<ClaimNames, Pick<Session, 'variables'>>('sessions_claim_turn')`
  UPDATE sessions s SET turn_id = :turnId, turn_expires_at = clock_timestamp() + :leaseMs::bigint * interval '1 ms',
    notebook_id = coalesce(s.notebook_id, :notebookId),
    variables = throughline_merge_patch_in_order(s.variables, :variables::json)
  WHERE s.org_id = :orgId AND s.user_id = :userId AND s.id = :sessionId
    AND (s.turn_id IS NULL OR s.turn_id = :turnId OR s.turn_expires_at < clock_timestamp())
  RETURNING s.variables`;

const HAS = sql<'orgId' | 'userId' | 'sessionId' | 'turnId'>('sessions_has_turn')`
  SELECT 1 AS has FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id AND ${unexpired('t')}
  WHERE s.org_id = :orgId AND s.user_id = :userId AND s.id = :sessionId AND s.turn_id = :turnId`;

const NOTE = sql<'orgId' | 'threadId' | 'metadata'>('sessions_note_turn')`
  UPDATE threads t SET metadata = throughline_merge_patch(t.metadata, :metadata), ${TOUCH}
  WHERE t.org_id = :orgId AND t.id = :threadId`;

@Injectable()
export class AgentTurnsRepository {
  /** Takes the session for a turn, unless another one has it: one statement decides. The first notebook stays (C30). */
  async claim(
    tx: TenantTx,
    principal: Principal,
    { id, sessionId, notebookId, variables }: Claim,
    leaseMs: number,
  ): Promise<Pick<Session, 'variables'> | undefined> {
    const turn = { sessionId, turnId: id, leaseMs, notebookId };
    return (await tx.query(CLAIM, { ...principal, ...turn, variables: JSON.stringify(variables) }))[0];
  }

  /** Whether the session is there, asleep or not, and the turn has it. */
  async has(tx: TenantTx, principal: Principal, sessionId: string, turnId: string): Promise<boolean> {
    return (await tx.query(HAS, { ...principal, sessionId, turnId })).length > 0;
  }

  /** @returns whether the turn still had the session */
  async release(tx: TenantTx, { orgId, userId }: Principal, sessionId: string, turnId: string): Promise<boolean> {
    const held = { org_id: orgId, user_id: userId, id: sessionId, turn_id: turnId };
    return (await tx.repo(Session).update(held, { turn_id: null, turn_expires_at: null })).affected === 1;
  }

  /** Merges the numbers of the turn into the metadata of the thread, which the transaction holds. */
  async note(tx: TenantTx, thread: Thread, metadata: Record<string, unknown>): Promise<void> {
    await tx.execute(NOTE, { orgId: thread.org_id, threadId: thread.id, metadata });
  }
}
