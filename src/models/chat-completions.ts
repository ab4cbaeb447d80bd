import { setTimeout as sleep } from 'node:timers/promises';
import { isObject } from '../http/request/fields';
import { VERSION } from '../http/server/version';
import type { ChatMessage } from './model-history';
import { FailedCall, mayPass } from './model-failure';
import type { Counted } from './model-usage';

/** What is asked, in the form of OpenAI's chat completions. */
export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  max_tokens?: number;
}

/** Where it is asked. */
export interface Endpoint {
  /** Without `/chat/completions`. */
  baseUrl: string;
  key?: string;
  signal: AbortSignal;
  /** Milliseconds until the signal ends the call; absent: nobody knows. */
  left?: () => number;
}

export interface Completion {
  text: string;
  /** As the provider names them; absent where it does not. */
  model?: string;
  finishReason?: string;
  counted: Counted;
}

const RETRIES = 2;
const FIRST_PAUSE_MS = 2000;
/** A provider that asks for more patience is asked again after our own pause. */
const MAX_PAUSE_MS = 60_000;

/** Asks for a whole answer. @throws FailedCall, or what `fetch` throws */
export async function complete(request: ChatRequest, endpoint: Endpoint): Promise<Completion> {
  const response = await post(request, endpoint);
  const answer = read(await response.json().catch(() => undefined), 'message');
  if (answer.text === undefined) throw new FailedCall(response.status);
  return { counted: {}, ...answer, text: answer.text };
}

/**
 * Asks for an answer in pieces.
 * @throws FailedCall, what `fetch` throws, or an Error where the stream breaks off or tells of one
 */
export async function stream(
  request: ChatRequest,
  endpoint: Endpoint,
  onText: (piece: string) => void,
): Promise<Completion> {
  const { body } = await post({ ...request, stream: true, stream_options: { include_usage: true } }, endpoint);
  let answer: Completion = { text: '', counted: {} };
  for await (const data of eventsOf(body!)) {
    if (data === '[DONE]') continue;
    const chunk: unknown = JSON.parse(data);
    if (!isObject(chunk) || 'error' in chunk) throw new Error('The provider broke its answer off');
    const { text = '', ...said } = read(chunk, 'delta');
    answer = { ...answer, ...said, text: answer.text + text };
    if (text) onText(text);
  }
  if (answer.finishReason === undefined) throw new Error('The answer ended without a finish reason');
  return answer;
}

/**
 * Sends the request until it is answered, or fails for good. A pause that would outlast the deadline is not begun: the
 * caller learns what failed, not that it took too long.
 */
async function post(request: object, endpoint: Endpoint): Promise<Response> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await send(JSON.stringify(request), endpoint);
    } catch (error) {
      const isLasting = error instanceof FailedCall && !mayPass(error.statusCode);
      const wished = error instanceof FailedCall ? error.retryAfterMs : undefined;
      const pause = wished ?? FIRST_PAUSE_MS * 2 ** tries;
      const { signal, left = () => Infinity } = endpoint;
      if (isLasting || tries === RETRIES || signal.aborted || pause >= left()) throw error;
      await sleep(pause, undefined, { signal });
    }
  }
}

async function send(body: string, { baseUrl, key, signal }: Endpoint): Promise<Response> {
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': `throughline/${VERSION}`,
      ...(key && { authorization: `Bearer ${key}` }),
    },
    body,
    signal,
    // A redirect is answered as a refusal: the key and the conversation go to the configured address only.
    redirect: 'manual',
  });
  if (response.ok) return response;
  const data: unknown = await response.json().catch(() => undefined);
  throw new FailedCall(response.status, data, pauseWished(response.headers));
}

/** The pause that a provider wishes for, in milliseconds, if it is a reasonable one. */
function pauseWished(headers: Headers): number | undefined {
  const [exact, rough] = [headers.get('retry-after-ms'), headers.get('retry-after')];
  const seconds = Number.parseFloat(rough ?? '');
  const wished = exact
    ? Number.parseFloat(exact)
    : rough && Number.isNaN(seconds)
      ? Date.parse(rough) - Date.now()
      : seconds * 1000;
  return wished >= 0 && wished < MAX_PAUSE_MS ? wished : undefined;
}

/** The data of each event of a stream (`text/event-stream`). */
async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice('data:'.length).trimStart());
      if (line !== '' || data.length === 0) continue;
      yield data.join('\n');
      data = [];
    }
  }
}

/** What a document, or one chunk of it, says of the answer; nothing where it says nothing. */
function read(document: unknown, member: 'message' | 'delta'): Partial<Completion> {
  const { model, choices, usage } = isObject(document) ? document : {};
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const { [member]: said, finish_reason: finishReason } = isObject(choice) ? choice : {};
  return {
    ...(isObject(said) && { text: textOf(said) }),
    ...(isText(model) && { model }),
    ...(isText(finishReason) && { finishReason }),
    ...(isObject(usage) && { counted: { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens } }),
  };
}

/** The text of a message or a delta, and what a model says instead when it refuses. */
function textOf({ content, refusal }: Record<string, unknown>): string {
  const parts = Array.isArray(content) ? (content as unknown[]) : [{ type: 'text', text: content }];
  const texts = parts.map((part) => (isObject(part) && part.type === 'text' ? part.text : undefined));
  return [...texts, refusal].filter(isText).join('');
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
