import type { IdempotencyKey } from '../../idempotency';
import type { MessageInput } from '../../messages';

/** What a turn begins with. */
export interface AgentTurnStart {
  sessionId: string;
  notebookId: string;
  variables: Record<string, unknown>;
  question: MessageInput;
  idempotencyKey?: IdempotencyKey;
}

/** A turn under way: its session takes no other until it ends, or until its time is over. */
export interface AgentTurnLease {
  id: string;
  sessionId: string;
  systemPrompt: string | null;
  maxTokens: number | null;
  variables: Record<string, unknown>;
  idempotencyKey?: IdempotencyKey;
}

/** How a turn ends. */
export interface AgentTurnEnd {
  /** What was said; absent if it was nothing. */
  answer?: MessageInput;
  /** Merged into the session's metadata. */
  metadata?: Record<string, unknown>;
  /** Kept for a repetition of the request; absent if the turn failed, so that a repetition tries again. */
  response?: unknown;
}

/** The session is gone, or another turn has it. */
export class LeaseLost extends Error {
  constructor() {
    super('The session of the turn is gone, or another turn has it');
  }
}
