import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { complete, type Endpoint, stream } from './chat-completions';

const REQUEST = { model: 'test-model', messages: [] };
const STOP = { choices: [{ delta: {}, finish_reason: 'stop' }] };
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const piece = (delta: object) => event({ model: 'm', choices: [{ index: 0, delta, finish_reason: null }] });

let server: Server;
let endpoint: Endpoint;
let answer: (response: ServerResponse) => unknown;
beforeAll(async () => {
  server = createServer((request, response) => request.resume().on('end', () => answer(response)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  endpoint = { baseUrl, signal: new AbortController().signal };
});
afterAll(() => server.close());

const answerWith = (value: unknown) => (answer = (response) => response.end(JSON.stringify(value)));

describe('complete', () => {
  it.each([
    ['text', { content: 'Hi' }, 'Hi'],
    ['parts', { content: [{ type: 'text', text: 'a' }, { type: 'thinking' }, { type: 'text', text: 'b' }] }, 'ab'],
    ['nothing', { content: null, tool_calls: [{ id: '1' }] }, ''],
    ['a refusal', { content: null, refusal: 'No.' }, 'No.'],
    ['a refusal that is none', { content: 'Yes.', refusal: false }, 'Yes.'],
  ])('reads %s', async (_, message, text) => {
    answerWith({ choices: [{ message, finish_reason: null }], usage: {} });
    expect(await complete(REQUEST, endpoint)).toEqual({ text, counted: {} });
  });

  it.each([{}, { choices: [] }, { choices: 'x' }, 'text', null])('fails for %j', async (value) => {
    answerWith(value);
    await expect(complete(REQUEST, endpoint)).rejects.toMatchObject({ statusCode: 200 });
  });

  it.each([
    [{ 'retry-after-ms': '5', 'retry-after': '3' }, 5],
    [{ 'retry-after': '3' }, 3000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '120' }, undefined],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('waits as %j says, if that is reasonable', async (headers, retryAfterMs) => {
    answer = (response) => response.writeHead(400, headers).end();
    await expect(complete(REQUEST, endpoint)).rejects.toMatchObject({ statusCode: 400, retryAfterMs });
  });
});

describe('stream', () => {
  const read = async (...chunks: (string | Buffer)[]) => {
    answer = async (response) => {
      for (const chunk of chunks) await new Promise((resolve) => response.write(chunk, () => setImmediate(resolve)));
      response.end();
    };
    const pieces: string[] = [];
    return { ...(await stream(REQUEST, endpoint, (text) => pieces.push(text))), pieces };
  };

  it.each([
    ['\\r\\n', [(piece({ content: 'Hi' }) + event(STOP)).replaceAll('\n', '\r\n')]],
    [
      'comments, other fields and an end',
      [`: wait\n\nid: 1\n${piece({ content: 'Hi' })}`, event(STOP), 'data: [DONE]\n\n'],
    ],
    ['data of several lines', ['data: {"choices": [{"delta":\ndata: {"content": "Hi"}}]}\n\n', event(STOP)]],
    ['reasons in no text', [piece({ reasoning_content: 'Hm' }) + piece({ content: 'Hi' }), event(STOP)]],
  ])('reads %s', async (_, chunks) =>
    expect(await read(...chunks)).toMatchObject({ text: 'Hi', pieces: ['Hi'], finishReason: 'stop' }),
  );

  it('reads what is cut anywhere, also within a character', async () => {
    const bytes = Buffer.from(piece({ content: 'é🙂' }) + event(STOP));
    expect((await read(...Array.from(bytes, (byte) => Buffer.of(byte)))).text).toBe('é🙂');
  });

  it('takes the count that comes after the answer', async () => {
    const usage = { prompt_tokens: 9, completion_tokens: 1 };
    expect(await read(piece({ content: 'a' }), event(STOP), event({ choices: [], usage }))).toEqual({
      ...{ text: 'a', pieces: ['a'], model: 'm', finishReason: 'stop', counted: { inputTokens: 9, outputTokens: 1 } },
    });
  });

  it.each([
    ['an error', [piece({ content: 'a' }), event({ error: { message: 'overloaded' } })]],
    ['no JSON', [piece({ content: 'a' }), 'data: {oops\n\n', event(STOP)]],
    ['no stream', [JSON.stringify({ choices: [{ message: { content: 'a' }, finish_reason: 'stop' }] })]],
    ['nothing', []],
  ])('fails for %s', async (_, chunks) => {
    await expect(read(...chunks)).rejects.toThrow();
  });
});
