import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { ChatModel, type ModelAnswer, type ModelRequest } from './chat-model.service';
import { Deadline } from './deadline';
import { toSystemText } from './model-context';
import { mayPass, toProblem } from './model-failure';
import { toSdkMessages } from './model-history';
import { toUsage } from './model-usage';
import { modelErrors } from './models.errors';

type Sdk = typeof import('ai');
type Provider = typeof import('@ai-sdk/openai-compatible');
type Call = Parameters<Sdk['generateText']>[0];
type ProviderConfig = ConstructorParameters<Provider['OpenAICompatibleChatLanguageModel']>[1];

/** What comes back from either way of asking. */
interface Outcome {
  text: string;
  model: string;
  finish_reason: string;
  counted: { inputTokens?: number; outputTokens?: number };
}

const RETRIES = 2;

/** A key is sent as a header, so it is what a header can hold. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

/** Asks the OpenAI-compatible API at MODEL_BASE_URL. Two more tries where a failure may pass, all within MODEL_TIMEOUT_MS. */
@Injectable()
export class OpenAiCompatibleModel extends ChatModel {
  readonly name: string;
  private sdk?: Promise<[Sdk, Provider]>;

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
      const [sdk, provider] = await this.load();
      const settings = { ...this.connection(key), errorStructure: errorsOf(sdk) };
      const model = new provider.OpenAICompatibleChatLanguageModel(this.name, settings);
      const call = toCall(model, request, deadline.signal);
      const outcome = await (onText ? stream(sdk, call, onText) : generate(sdk, call));
      deadline.throwIfOver();
      return this.toAnswer(outcome, call);
    } catch (error) {
      deadline.throwIfOver();
      throw toProblem(error, key);
    } finally {
      deadline.clear();
    }
  }

  /** 1 MB of modules, of no use to a server without a model. */
  private load(): Promise<[Sdk, Provider]> {
    return (this.sdk ??= Promise.all([import('ai'), import('@ai-sdk/openai-compatible')]));
  }

  private connection(key: string | undefined): ProviderConfig {
    const base = this.config.env.MODEL_BASE_URL!.replace(/\/+$/, '');
    return {
      provider: 'model',
      url: ({ path }) => base + path,
      headers: key ? { Authorization: `Bearer ${key}` } : {},
      // A redirect is answered as a refusal: the key and the conversation go to the configured address only.
      fetch: (input, init) => fetch(input, { ...init, redirect: 'manual' }),
      includeUsage: true,
    };
  }

  private toAnswer({ counted, ...answer }: Outcome, { instructions, messages }: Call): ModelAnswer {
    const { MODEL_INPUT_PRICE: input, MODEL_OUTPUT_PRICE: output } = this.config.env;
    const prompt = JSON.stringify([instructions, messages]);
    return { ...answer, usage: toUsage(counted, prompt, answer.text, { input, output }) };
  }
}

const toCall = (model: Call['model'], request: ModelRequest, abortSignal: AbortSignal): Call => ({
  model,
  instructions: toSystemText(request),
  messages: toSdkMessages(request.messages),
  maxOutputTokens: request.maxTokens,
  maxRetries: RETRIES,
  abortSignal,
});

/** Any JSON will do for an error; what of it is shown is for `toProblem` to say. By itself the SDK also retries 408 and 409. */
const errorsOf = (sdk: Sdk) =>
  ({
    errorSchema: sdk.jsonSchema({}),
    errorToMessage: () => 'refused',
    isRetryable: ({ status }: Response) => mayPass(status),
  }) as unknown as NonNullable<ProviderConfig['errorStructure']>;

async function generate(sdk: Sdk, call: Call): Promise<Outcome> {
  const { text, response, finishReason, rawFinishReason, usage } = await sdk.generateText(call);
  return { text, model: response.modelId, finish_reason: rawFinishReason ?? finishReason, counted: usage };
}

async function stream(sdk: Sdk, call: Call, onText: (piece: string) => void): Promise<Outcome> {
  // Without onError the SDK writes to the console.
  const { stream } = sdk.streamText({ ...call, onError: () => undefined });
  const outcome: Outcome = { text: '', model: '', finish_reason: '', counted: {} };
  for await (const part of stream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta' && part.text) {
      outcome.text += part.text;
      onText(part.text);
    }
    if (part.type === 'finish-step') {
      outcome.model = part.response.modelId;
      outcome.finish_reason = part.rawFinishReason ?? part.finishReason;
      outcome.counted = part.usage;
    }
  }
  return outcome;
}
