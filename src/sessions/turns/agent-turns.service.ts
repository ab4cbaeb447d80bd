import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../organizations';
import { newId } from '../../common/ids';
import { checkMetadata } from '../../http/request/limits';
import { CONFIG, type Config } from '../../config/config';
import { TenantDatabase, type TenantTx } from '../../database/door/tenant-database';
import { IdempotencyService } from '../../idempotency';
import { type AgentTurnEnd, type AgentTurnLease, type AgentTurnStart, LeaseLost } from './agent-turn-lease';
import { AgentTurnWriter } from './agent-turn-writer';

/** Longer than any answer may take, so that only the turn of a dead server is ever taken over. */
const SLACK_MS = 15_000;

/**
 * The agent's turns in a session, one at a time, on all instances: the session's row says which one is under way. The
 * model is asked between two transactions, so that no connection waits for it.
 */
@Injectable()
export class AgentTurnsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly idempotency: IdempotencyService,
    private readonly writer: AgentTurnWriter,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Stores the question and claims the session. A repetition of a turn that has ended gets its answer; of one that broke
   * off, goes on without storing the question again.
   * @throws TURN_IN_PROGRESS, IDEMPOTENCY_KEY_REUSED, METADATA_TOO_LARGE, and what `SessionOpeningService.open` throws
   */
  begin(principal: Principal, start: AgentTurnStart): Promise<{ turn: AgentTurnLease } | { response: unknown }> {
    const id = newId();
    // Fixed before the first attempt, so that one whose outcome was lost is found again.
    const question = { id: newId(), ...start.question };
    checkMetadata(start.variables, this.config.env.METADATA_LIMIT_BYTES);
    const leaseMs = this.config.env.MODEL_TIMEOUT_MS + SLACK_MS;
    const work = async (tx: TenantTx) => {
      const claim = start.idempotencyKey
        ? await this.idempotency.claim(tx, principal, start.idempotencyKey)
        : ('new' as const);
      if (typeof claim === 'object') return claim;
      const turn = await this.writer.begin(tx, principal, { ...start, id, question }, leaseMs, claim === 'new');
      checkMetadata(turn.variables, this.config.env.METADATA_LIMIT_BYTES);
      return { turn: { ...turn, idempotencyKey: start.idempotencyKey } };
    };
    return this.db.run(principal, work, { repeatable: true });
  }

  /**
   * Stores the answer and gives the session free.
   * @returns false if the session is gone, or taken over, meanwhile: then nothing is stored, also not for a repetition
   */
  async end(principal: Principal, turn: AgentTurnLease, end: AgentTurnEnd): Promise<boolean> {
    const answer = end.answer && { id: newId(), ...end.answer };
    const { idempotencyKey } = turn;
    const work = async (tx: TenantTx) => {
      // The key before the thread, as a repetition takes them.
      if (idempotencyKey) await this.idempotency.claim(tx, principal, idempotencyKey);
      await this.writer.end(tx, principal, turn, { ...end, answer });
      if (idempotencyKey && end.response !== undefined)
        await this.idempotency.finish(tx, principal, idempotencyKey, end.response);
      return true;
    };
    return this.db.run(principal, work, { repeatable: true }).catch((error: unknown) => {
      if (error instanceof LeaseLost) return false;
      throw error;
    });
  }
}
