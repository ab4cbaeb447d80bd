import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../organizations';
import { Problem } from '../common/errors';
import { toStorable } from '../common/json';
import { ClientGone } from '../http/answer/event-stream';
import type { IdempotencyKey } from '../idempotency';
import { ChatModel, type ModelAnswer } from '../models';
import { type AgentTurnEnd, type AgentTurnLease, AgentTurnsService } from '../sessions';
import { AgentRequests } from './agent-requests';
import type { AgentMessage, QuickAnswer, QuickQuery } from './agent.dto';

/** The agent does not sort questions into kinds; clients of the notebook expect the member (N03). */
const ROUTE = 'unknown';

/** A turn that has begun, or the answer of one that had ended before. */
type QuickTurn = { turn: AgentTurnLease; body: QuickQuery } | { response: QuickAnswer };

/** How a turn is watched while it goes on. */
interface Watch {
  onText?: (piece: string) => void;
  /** Aborted when the client goes away. */
  signal?: AbortSignal;
}

/** One question and its answer, end to end. */
@Injectable()
export class AgentService {
  private readonly logger = new Logger('Agent');

  constructor(
    private readonly turns: AgentTurnsService,
    private readonly requests: AgentRequests,
    private readonly model: ChatModel,
  ) {}

  /**
   * Stores the question, before the model is asked (N06). One turn at a time in a session: a second one is 409.
   * @throws TURN_IN_PROGRESS, IDEMPOTENCY_KEY_REUSED, SESSION_ID_RESERVED, TOO_MANY_SESSIONS, METADATA_TOO_LARGE
   */
  async begin(principal: Principal, body: QuickQuery, idempotencyKey?: IdempotencyKey): Promise<QuickTurn> {
    const { notebook_id, session_id, variables, cell_count } = body.context;
    const begun = await this.turns.begin(principal, {
      sessionId: session_id,
      notebookId: notebook_id,
      variables: variables ?? {},
      question: { role: 'user', content: body.query, metadata: cell_count === undefined ? {} : { cell_count } },
      idempotencyKey,
    });
    return 'turn' in begun ? { turn: begun.turn, body } : { response: begun.response as QuickAnswer };
  }

  /** Asks the model and stores what it says. A failure of the model is an answer too: a message of type `error` (N03). */
  async finish(principal: Principal, begun: QuickTurn, { onText, signal }: Watch = {}): Promise<QuickAnswer> {
    if ('response' in begun) return begun.response;
    const { turn, body } = begun;
    let said = '';
    const hear = (piece: string) => {
      said += piece;
      onText?.(piece);
    };
    let whole: ModelAnswer;
    try {
      whole = await this.model.answer(await this.requests.of(principal, turn, body, signal), onText && hear);
    } catch (error) {
      await this.turns.end(principal, turn, { answer: toIncomplete(said, this.model.name) });
      return toResponse(body, [this.toError(turn, error)], null);
    }
    return this.store(principal, turn, body, { ...whole, text: toStorable(whole.text) });
  }

  /** An answer that could not be stored says so: its session was deleted meanwhile. */
  private async store(
    principal: Principal,
    turn: AgentTurnLease,
    body: QuickQuery,
    answer: ModelAnswer,
  ): Promise<QuickAnswer> {
    const response = toResponse(body, toMessages(answer), answer);
    if (await this.turns.end(principal, turn, toEnd(answer, response))) return response;
    this.logger.warn({ msg: 'A session ended before its turn', session_id: turn.sessionId });
    return toResponse(body, toMessages(answer, { stored: false }), answer);
  }

  private toError(turn: AgentTurnLease, error: unknown): AgentMessage {
    const problem = error instanceof Problem ? error : undefined;
    if (!(error instanceof ClientGone)) {
      const cause = (error as Error)?.message;
      this.logger.warn({ msg: 'A turn failed', session_id: turn.sessionId, code: problem?.code, cause });
    }
    const content = problem?.message ?? 'The agent failed; the log has the cause.';
    return { type: 'error', content, metadata: { code: problem?.code ?? 'INTERNAL_ERROR' } };
  }
}

const toResponse = (body: QuickQuery, messages: AgentMessage[], answer: ModelAnswer | null): QuickAnswer => ({
  query: body.query,
  route: ROUTE,
  messages,
  usage: answer && usageOf(answer),
  session_id: body.context.session_id,
});

const usageOf = ({ usage: { cost, ...tokens } }: ModelAnswer) => ({ ...tokens, cost_usd: Number(cost) });

function toMessages({ text, model, finish_reason }: ModelAnswer, more = {}): AgentMessage[] {
  return [{ type: 'explanation', content: text, metadata: { model, finish_reason, ...more } }];
}

/** An empty answer is none (N07). The turn's numbers go to the session's metadata as well (U106). */
function toEnd(answer: ModelAnswer, response: QuickAnswer): AgentTurnEnd {
  const { model, finish_reason, usage, text } = answer;
  const metadata = { route: ROUTE, model, finish_reason, usage: usageOf(answer) };
  const { output_tokens: token_count, cost } = usage;
  return {
    answer: text === '' ? undefined : { role: 'assistant', content: text, metadata, token_count, cost },
    metadata: { total_tokens: usage.total_tokens, total_cost_usd: Number(cost) },
    response,
  };
}

/** What was said before the model failed, or the client went away. */
function toIncomplete(said: string, model: string): AgentTurnEnd['answer'] {
  const content = toStorable(said);
  const metadata = { route: ROUTE, model, incomplete: true };
  return content === '' ? undefined : { role: 'assistant', content, metadata };
}
