/** A message as a model takes it (OpenAI chat form). */
export interface ModelMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** Text, an array of parts, or nothing. */
  content?: unknown;
  tool_calls?: ModelToolCall[] | null;
  tool_call_id?: string | null;
  name?: string | null;
}

export interface ModelToolCall {
  id: string;
  type: string;
  /** `arguments` is JSON text. */
  function: { name: string; arguments: string };
}

export interface ModelRequest {
  /** Instructions of the session. */
  system?: string;
  /** What is remembered of the user. */
  facts: Record<string, unknown>;
  /** Variables of the notebook: name to type or value. */
  variables: Record<string, unknown>;
  /** Oldest first; the last one is the user's question. */
  messages: ModelMessage[];
  /** Aborted when the client goes away: the answer then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Tokens that the answer may have; absent: as many as the model likes. */
  maxTokens?: number;
  /** The caller's own key for the configured MODEL_BASE_URL; wins over MODEL_API_KEY. */
  apiKey?: string;
}

export interface ModelUsage {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  /** US dollars, as exact decimal text. */
  cost: string;
}

export interface ModelAnswer {
  text: string;
  /** The model that answered, by its own account. */
  model: string;
  /** As the provider says it, e.g. `stop` or `length`. */
  finish_reason: string;
  usage: ModelUsage;
}

/** One question to one model. Two implementations, one contract test (`test/models.e2e-spec.ts`). */
export abstract class ChatModel {
  /** The model that is asked. */
  abstract readonly name: string;

  /**
   * @param onText called with each piece as it comes; the whole text is in the answer
   * @throws MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REFUSED; the signal's reason once `request.signal` is aborted
   */
  abstract answer(request: ModelRequest, onText?: (piece: string) => void): Promise<ModelAnswer>;
}
