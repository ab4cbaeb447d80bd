import type { ModelMessage } from '../../models/chat-model.service';

/** Makes one text of many messages. Two implementations, one contract test (`test/summaries-summarizers.e2e-spec.ts`). */
export abstract class Summarizer {
  /** `local`, or the name of the model. */
  abstract readonly name: string;

  /**
   * @param messages oldest first; none of them: '' at once
   * @throws MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REFUSED; the signal's reason once it is aborted
   */
  abstract summarize(messages: ModelMessage[], signal?: AbortSignal): Promise<string>;
}
