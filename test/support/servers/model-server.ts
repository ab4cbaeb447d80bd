/**
 * A model's API to test against: OpenAI-compatible chat completions over real HTTP, as scripted.
 *
 *     const models = await startModelServer({ text: 'Hello.' });
 *     loadConfig({ MODEL_BASE_URL: models.url, MODEL_NAME: 'test-model' });
 *     …
 *     expect(models.requests[0].body.messages.at(-1)).toEqual({ role: 'user', content: 'Hi' });
 *     await models.close();
 *
 * What is asked with `"stream": true` is streamed. The answers of `script(…)` are given in turn, one a request; after
 * them every request is answered with the default, which is the argument of `startModelServer`:
 *
 *     models.script({ status: 429, retryAfterMs: 5 }, { text: 'At last.', usage: { input: 10, output: 5 } });
 *     models.script({ hang: true });                     // never answers; `cutOff` breaks the connection half-way
 *     models.script({ redirect: 'http://elsewhere/' });
 *     models.always({ status: 500, retryAfterMs: 1 });    // the default from now on
 *
 * `script()` without answers forgets those that are left; `reset()` forgets the requests too.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ModelReply {
  /** The answer, or a function of the request's body that makes it. Default `Hello.` */
  text?: string | ((body: any) => string);
  model?: string;
  finishReason?: string;
  /** Tokens; `null` leaves usage out, as some providers do. Default 10 and 5. */
  usage?: { input: number; output: number } | null;
  /** An error instead of an answer, with `message`. */
  status?: number;
  message?: string;
  /** Sent as `retry-after-ms`, so that retries need not wait for seconds. */
  retryAfterMs?: number;
  /** Answers 307 with this `Location`. */
  redirect?: string;
  /** Accepts the request and says nothing. */
  hang?: boolean;
  /** Milliseconds before it answers. */
  delay?: number;
  /** Breaks the connection after half of the answer. */
  cutOff?: boolean;
  /** Ends a stream in good order, but without a finish reason. */
  unfinished?: boolean;
  /** Milliseconds between the pieces of a stream. */
  pause?: number;
}

export interface ModelCall {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: any;
  /** Whether the caller went away before the answer was complete. */
  aborted: boolean;
}

export interface ModelServer {
  /** For MODEL_BASE_URL. */
  readonly url: string;
  /** Every request since the start or `reset()`, oldest first. */
  readonly requests: ModelCall[];
  script(...replies: ModelReply[]): void;
  always(reply: ModelReply): void;
  reset(): void;
  close(): Promise<void>;
}

export async function startModelServer(initial: ModelReply = {}): Promise<ModelServer> {
  const requests: ModelCall[] = [];
  let standing = initial;
  let replies: ModelReply[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const { method = '', url: path = '', headers } = request;
      const call = { method, path, headers, body, aborted: false };
      requests.push(call);
      response.on('close', () => (call.aborted = !response.writableFinished));
      return answer(response, body, replies.shift() ?? standing);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    script: (...next) => void (replies = next),
    always: (reply) => void (standing = reply),
    reset: () => {
      replies = [];
      standing = initial;
      requests.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readBody(request: IncomingMessage): Promise<any> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text ? JSON.parse(text) : undefined;
}

async function answer(response: ServerResponse, body: any, reply: ModelReply): Promise<void> {
  if (reply.hang) return;
  if (reply.delay) await new Promise((resolve) => setTimeout(resolve, reply.delay));
  if (reply.redirect) return void response.writeHead(307, { location: reply.redirect }).end();
  const retry: Record<string, string> =
    reply.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(reply.retryAfterMs) };
  if (reply.status && reply.status >= 400) {
    const error = { message: reply.message ?? 'scripted failure', type: 'error', code: null };
    return void json(response, reply.status, { error }, retry);
  }
  return body.stream ? stream(response, body, reply) : complete(response, body, reply);
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const textOf = ({ text = 'Hello.' }: ModelReply, body: any) => (typeof text === 'function' ? text(body) : text);

const usageOf = ({ usage = { input: 10, output: 5 } }: ModelReply) =>
  usage && { prompt_tokens: usage.input, completion_tokens: usage.output, total_tokens: usage.input + usage.output };

const headOf = (object: string, body: any, { model }: ModelReply) => ({
  ...{ id: 'chatcmpl-test', object, created: 1_700_000_000, model: model ?? body.model },
});

function complete(response: ServerResponse, body: any, reply: ModelReply): void {
  const message = { role: 'assistant', content: textOf(reply, body) };
  const usage = usageOf(reply);
  const document = {
    ...headOf('chat.completion', body, reply),
    choices: [{ index: 0, message, finish_reason: reply.finishReason ?? 'stop' }],
    ...(usage ? { usage } : {}),
  };
  if (!reply.cutOff) return json(response, 200, document);
  const text = JSON.stringify(document);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
  response.write(text.slice(0, text.length / 2), () => response.destroy());
}

async function stream(response: ServerResponse, body: any, reply: ModelReply): Promise<void> {
  const head = headOf('chat.completion.chunk', body, reply);
  const send = (event: unknown) =>
    response.write(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
  const choice = (delta: unknown, reason: string | null = null) => ({
    ...{ ...head, choices: [{ index: 0, delta, finish_reason: reason }] },
  });
  const pieces = textOf(reply, body).match(/\s*\S+\s*$|\s*\S+/g) ?? [];
  const sent = reply.cutOff ? pieces.slice(0, Math.ceil(pieces.length / 2)) : pieces;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  send(choice({ role: 'assistant', content: '' }));
  for (const content of sent) {
    send(choice({ content }));
    if (reply.pause) await new Promise((resolve) => setTimeout(resolve, reply.pause));
    if (response.destroyed) return;
  }
  // What was written goes out before the connection breaks.
  if (reply.cutOff) return void setTimeout(() => response.destroy(), 20);
  if (!reply.unfinished) {
    const usage = usageOf(reply);
    send(choice({}, reply.finishReason ?? 'stop'));
    if (usage && body.stream_options?.include_usage) send({ ...head, choices: [], usage });
    send('[DONE]');
  }
  response.end();
}
