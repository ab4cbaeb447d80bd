import { Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import type { TenantTx } from '../../database/door/tenant-database';
import { AppendService, turnInProgress } from '../../messages';
import { SessionOpeningService } from '../opening/session-opening.service';
import { SessionAppendTargets } from '../opening/session-append-targets';
import { type AgentTurnEnd, type AgentTurnLease, type AgentTurnStart, LeaseLost } from './agent-turn-lease';
import { AgentTurnsRepository } from './agent-turns.repository';

/** Writes the two ends of a turn, inside transactions that are given. */
@Injectable()
export class AgentTurnWriter {
  constructor(
    private readonly opening: SessionOpeningService,
    private readonly targets: SessionAppendTargets,
    private readonly appends: AppendService,
    private readonly turns: AgentTurnsRepository,
  ) {}

  /** @param asks whether the question is to be stored: it is there already when a turn goes on */
  async begin(
    tx: TenantTx,
    principal: Principal,
    start: AgentTurnStart & { id: string },
    leaseMs: number,
    asks: boolean,
  ): Promise<AgentTurnLease> {
    const { id, sessionId, notebookId, question } = start;
    const { session, created } = await this.opening.open(tx, principal, sessionId, { notebookId });
    await this.opening.renewLifetime(tx, session, session.notebook_id ?? notebookId);
    const claimed = await this.turns.claim(tx, principal, start, leaseMs);
    if (!claimed) throw turnInProgress();
    // With the session that had it, an earlier attempt's question is gone too.
    if (asks || created) await this.appends.appendIn(tx, principal, this.targets.of(principal, sessionId), question);
    await this.opening.keepAlive(tx, session, leaseMs);
    const { system_prompt: systemPrompt, max_tokens: maxTokens } = session;
    return { id, sessionId, systemPrompt, maxTokens, variables: claimed.variables };
  }

  /** A session that was put to sleep meanwhile wakes: an answer is a write. @throws LeaseLost */
  async end(tx: TenantTx, principal: Principal, { id, sessionId }: AgentTurnLease, end: AgentTurnEnd): Promise<void> {
    if (!(await this.turns.has(tx, principal, sessionId, id))) throw new LeaseLost();
    const { session, created } = await this.opening.open(tx, principal, sessionId);
    // Deleted in that moment, it is another one, which goes back with the transaction.
    if (created || !(await this.turns.release(tx, principal, sessionId, id))) throw new LeaseLost();
    if (end.answer) await this.appends.appendIn(tx, principal, this.targets.of(principal, sessionId), end.answer);
    if (end.metadata) await this.turns.note(tx, session, end.metadata);
  }
}
