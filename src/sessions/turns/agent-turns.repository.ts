import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations/principal';
import type { TenantTx } from '../../database/door/tenant-database';
import { TOUCH, unexpired } from '../../threads/thread-access';
import type { Thread } from '../../threads/thread.entity';
import type { Session } from '../session.entity';

interface Claim {
  id: string;
  sessionId: string;
  notebookId: string;
  variables: Record<string, unknown>;
}

@Injectable()
export class AgentTurnsRepository {
  /** Takes the session for a turn, unless another one has it: one statement decides. The first notebook stays (C30). */
  async claim(
    tx: TenantTx,
    principal: Principal,
    claim: Claim,
    leaseMs: number,
  ): Promise<Pick<Session, 'variables'> | undefined> {
    const text = `
      UPDATE sessions s SET turn_id = $4, turn_expires_at = clock_timestamp() + $5::bigint * interval '1 ms',
        notebook_id = coalesce(s.notebook_id, $6),
        variables = throughline_merge_patch_in_order(s.variables, $7::json)
      WHERE s.org_id = $1 AND s.user_id = $2 AND s.id = $3
        AND (s.turn_id IS NULL OR s.turn_id = $4 OR s.turn_expires_at < clock_timestamp())
      RETURNING s.variables`;
    const { id, sessionId, notebookId, variables } = claim;
    const values = [principal.orgId, principal.userId, sessionId, id, leaseMs, notebookId, JSON.stringify(variables)];
    return (await tx.query<Pick<Session, 'variables'>>({ name: 'sessions_claim_turn', text }, values))[0];
  }

  /** Whether the session is there, asleep or not, and the turn has it. */
  async has(tx: TenantTx, principal: Principal, sessionId: string, turnId: string): Promise<boolean> {
    const text = `
      SELECT 1 AS has FROM sessions s JOIN threads t ON t.org_id = s.org_id AND t.id = s.thread_id AND ${unexpired('t')}
      WHERE s.org_id = $1 AND s.user_id = $2 AND s.id = $3 AND s.turn_id = $4`;
    const values = [principal.orgId, principal.userId, sessionId, turnId];
    return (await tx.query({ name: 'sessions_has_turn', text }, values)).length > 0;
  }

  /** @returns whether the turn still had the session */
  async release(tx: TenantTx, principal: Principal, sessionId: string, turnId: string): Promise<boolean> {
    const text = `
      UPDATE sessions s SET turn_id = NULL, turn_expires_at = NULL
      WHERE s.org_id = $1 AND s.user_id = $2 AND s.id = $3 AND s.turn_id = $4`;
    const values = [principal.orgId, principal.userId, sessionId, turnId];
    return (await tx.execute({ name: 'sessions_release_turn', text }, values)) === 1;
  }

  /** Merges the numbers of the turn into the metadata of the thread, which the transaction holds. */
  async note(tx: TenantTx, thread: Thread, metadata: Record<string, unknown>): Promise<void> {
    const text = `
      UPDATE threads t SET metadata = throughline_merge_patch(t.metadata, $3), ${TOUCH}
      WHERE t.org_id = $1 AND t.id = $2`;
    await tx.execute({ name: 'sessions_note_turn', text }, [thread.org_id, thread.id, metadata]);
  }
}
