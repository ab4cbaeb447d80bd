import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import type { TenantTx } from '../database/tenant-database';
import { AppendService } from '../messages/append.service';
import { SessionOpeningService } from './session-opening.service';
import { SessionPlaces } from './session-places';
import type { Turn, TurnEnd, TurnStart } from './session-turns.service';
import { SessionTurnsRepository } from './session-turns.repository';
import { sessionErrors } from './sessions.errors';

/** Writes the two ends of a turn, inside transactions that are given. */
@Injectable()
export class SessionTurnWriter {
  constructor(
    private readonly opening: SessionOpeningService,
    private readonly places: SessionPlaces,
    private readonly appends: AppendService,
    private readonly turns: SessionTurnsRepository,
  ) {}

  /** @param asks whether the question is to be stored: it is there already when a turn goes on */
  async begin(
    tx: TenantTx,
    principal: Principal,
    start: TurnStart & { id: string },
    leaseMs: number,
    asks: boolean,
  ): Promise<Turn> {
    const { id, sessionId, question } = start;
    const { session, created } = await this.opening.open(tx, principal, sessionId);
    await this.opening.renewLifetime(tx, session);
    const claimed = await this.turns.claim(tx, principal, start, leaseMs);
    if (!claimed) throw sessionErrors.TURN_IN_PROGRESS().with({ headers: { 'retry-after': '1' } });
    // With the session that had it, an earlier attempt's question is gone too.
    if (asks || created) await this.appends.appendIn(tx, principal, this.places.of(principal, sessionId), question);
    const { system_prompt: systemPrompt, max_tokens: maxTokens } = session;
    return { id, sessionId, systemPrompt, maxTokens, variables: claimed.variables };
  }

  /** @returns false if the session is gone, or another turn has it */
  async end(tx: TenantTx, principal: Principal, { id, sessionId }: Turn, end: TurnEnd): Promise<boolean> {
    // First the thread, then the session: the order in which everybody takes them.
    const session = await this.opening.hold(tx, principal, sessionId);
    if (!session) return false;
    if (!(await this.turns.release(tx, principal, sessionId, id))) return false;
    if (end.answer) await this.appends.appendIn(tx, principal, this.places.of(principal, sessionId), end.answer);
    if (end.metadata) await this.turns.note(tx, session, end.metadata);
    return true;
  }
}
