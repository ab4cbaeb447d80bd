import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { ChatModel, type ModelAnswer, type ModelRequest } from './chat-model.service';
import { type ChatRequest, complete, type Completion, type Endpoint, stream } from './chat-completions';
import { Deadline } from './deadline';
import { toSystemText } from './model-context';
import { toProblem } from './model-failure';
import { type ChatMessage, toChatMessages } from './model-history';
import { toUsage } from './model-usage';
import { modelErrors } from './models.errors';

/** A key is sent as a header, so it is what a header can hold. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

/** Asks the OpenAI-compatible API at MODEL_BASE_URL. Two more tries where a failure may pass, all within MODEL_TIMEOUT_MS. */
@Injectable()
export class OpenAiCompatibleModel extends ChatModel {
  readonly name: string;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    super();
    this.name = config.env.MODEL_NAME!;
  }

  async answer(request: ModelRequest, onText?: (piece: string) => void): Promise<ModelAnswer> {
    const key = request.apiKey || this.config.env.MODEL_API_KEY;
    if (key && !HEADER_TEXT.test(key))
      throw modelErrors.MODEL_REFUSED('the key holds characters that a key cannot have');
    const deadline = new Deadline(this.config.env.MODEL_TIMEOUT_MS, request.signal);
    try {
      const call = this.toCall(request);
      const endpoint = this.endpoint(key, deadline);
      const completion = await (onText ? stream(call, endpoint, onText) : complete(call, endpoint));
      deadline.throwIfOver();
      return this.toAnswer(completion, call);
    } catch (error) {
      deadline.throwIfOver();
      throw toProblem(error, key);
    } finally {
      deadline.clear();
    }
  }

  private toCall(request: ModelRequest): ChatRequest {
    const system = toSystemText(request);
    const instructions: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
    return {
      model: this.name,
      max_tokens: request.maxTokens,
      messages: [...instructions, ...toChatMessages(request.messages)],
    };
  }

  private endpoint(key: string | undefined, { signal, left }: Deadline): Endpoint {
    return { baseUrl: this.config.env.MODEL_BASE_URL!.replace(/\/+$/, ''), key, signal, left };
  }

  private toAnswer(completion: Completion, { messages }: ChatRequest): ModelAnswer {
    const { text, model = this.name, finishReason = 'other', counted } = completion;
    const { MODEL_INPUT_PRICE: input, MODEL_OUTPUT_PRICE: output } = this.config.env;
    const usage = toUsage(counted, JSON.stringify(messages), text, { input, output });
    return { text, model, finish_reason: finishReason, usage };
  }
}
