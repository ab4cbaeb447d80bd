import { Test } from '@nestjs/testing';
import { startTestApp, type TestApp } from '../support/world/app';
import { type Client, expectProblem } from '../support/world/client';
import { brokenCounters } from '../support/world/integrity';
import { type ModelServer, startModelServer } from '../support/servers/model-server';
import { loadConfig } from '../../src/config/config';
import { ConfigModule } from '../../src/config/config.module';
import type { ModelMessage } from '../../src/models/chat-model.service';
import { ChatModel } from '../../src/models/chat-model.service';
import { ModelsModule } from '../../src/models/models.module';
import { LocalSummarizer } from '../../src/summaries/summarizer/local-summarizer.service';
import { ModelSummarizer } from '../../src/summaries/summarizer/model-summarizer.service';
import type { Summarizer } from '../../src/summaries/summarizer/summarizer.service';

const call = (name: string, args: string) => ({ id: 'c1', type: 'function', function: { name, arguments: args } });

const TALK: ModelMessage[] = [
  { role: 'user', content: 'Hi there! I need a flight from Lisbon to Tokyo on 12 May.' },
  { role: 'assistant', content: null, tool_calls: [call('find_flights', '{"to":"Tokyo"}')] },
  { role: 'tool', tool_call_id: 'c1', content: 'Flight TP 4711 costs 830 euros.' },
  {
    role: 'assistant',
    content: [{ type: 'text', text: 'Flight TP 4711 to Tokyo costs 830 euros.\nShall I book it?' }],
  },
  { role: 'user', content: 'Yes please. My name is Ada Lovelace.' },
];

let server: ModelServer;
beforeAll(async () => (server = await startModelServer({ text: 'Ada Lovelace flies to Tokyo on 12 May.' })));
afterAll(() => server.close());
beforeEach(() => server.reset());

const settings = () => ({ MODEL_BASE_URL: server.url, MODEL_NAME: 'test-model', MODEL_TIMEOUT_MS: '3000' });

async function modelSummarizer(): Promise<Summarizer> {
  const imports = [ConfigModule.for(loadConfig(settings())), ModelsModule];
  return new ModelSummarizer((await Test.createTestingModule({ imports }).compile()).get(ChatModel));
}

describe.each([
  ['local', () => Promise.resolve<Summarizer>(new LocalSummarizer())],
  ['test-model', modelSummarizer],
])('The contract of a summarizer: %s', (name, make) => {
  let summarizer: Summarizer;
  beforeAll(async () => (summarizer = await make()));

  it('U86 has a name, and makes nothing of nothing, without asking anybody', async () => {
    expect(summarizer.name).toBe(name);
    expect(await summarizer.summarize([])).toBe('');
    expect(server.requests).toHaveLength(0);
  });

  it('keeps names and numbers', async () => {
    const text = await summarizer.summarize(TALK);
    for (const word of ['Tokyo', '12 May', 'Ada Lovelace']) expect(text).toContain(word);
  });

  it('takes whatever is in a message: no text, no content, thousands of them', async () => {
    expect(await summarizer.summarize([{ role: 'user', content: [{ type: 'image_url' }] }])).not.toBe('');
    expect(await summarizer.summarize([{ role: 'assistant', content: null }])).not.toBe('');
    const content = 'Some words that are said again and again. '.repeat(20);
    const long = Array.from({ length: 3000 }, (_, n) => ({ role: 'user' as const, content: `${n}: ${content}` }));
    expect((await summarizer.summarize(long)).length).toBeLessThan(2000);
  });

  it('stops when the caller goes away', async () => {
    const gone = new Error('gone');
    await expect(summarizer.summarize(TALK, AbortSignal.abort(gone))).rejects.toBe(gone);
  });
});

describe('The local summarizer', () => {
  it('is deterministic, keeps the order, quotes word for word, and is bounded', async () => {
    const local = new LocalSummarizer();
    const text = await local.summarize(TALK);
    expect(await local.summarize(TALK)).toBe(text);
    const roles = text.split('\n').map((line) => line.split(':')[0]);
    expect(roles).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
    const talk = Array.from({ length: 200 }, (_, n) => ({
      role: 'user' as const,
      content:
        n === 77
          ? 'Ms. Hopper agreed to pay 1200 euros to Acme Corporation on 3 June.'
          : `Fine, thanks, well ${n % 7}.`,
    }));
    const summary = await local.summarize(talk);
    expect(summary).toContain('1200 euros');
    expect(summary.length).toBeLessThanOrEqual(1500);
    for (const line of summary.split('\n')) expect(line).toMatch(/^user: /);
  });
});

describe('The model as a summarizer', () => {
  it('U86 is given a line a message, in order, and at most 500 tokens for its answer', async () => {
    await (await modelSummarizer()).summarize(TALK);
    const [{ body }] = server.requests;
    expect(body.max_tokens).toBe(500);
    expect(body.messages.map(({ role }: ModelMessage) => role)).toEqual(['system', 'user']);
    expect(body.messages[1].content.split('\n')).toEqual([
      '[user]: Hi there! I need a flight from Lisbon to Tokyo on 12 May.',
      '[assistant]: called find_flights({"to":"Tokyo"})',
      '[tool]: Flight TP 4711 costs 830 euros.',
      '[assistant]: Flight TP 4711 to Tokyo costs 830 euros.',
      '  Shall I book it?',
      '[user]: Yes please. My name is Ada Lovelace.',
    ]);
  });

  it('U86 fails as the model fails, without its key', async () => {
    server.always({ status: 400, message: 'no such model' });
    await expect((await modelSummarizer()).summarize(TALK)).rejects.toMatchObject({
      code: 'MODEL_REFUSED',
      status: 502,
    });
    server.always({ text: 'Ada Lovelace flies to Tokyo on 12 May.' });
  });
});

describe('Summarizing while others write', () => {
  let app: TestApp;
  let alice: Client;
  let id: string;

  beforeAll(async () => {
    app = await startTestApp(settings());
    alice = await app.as('acme', 'alice');
  });
  afterAll(async () => {
    expect(await brokenCounters(app.db)).toEqual([]);
    await app.close();
  });
  beforeEach(async () => {
    id = (await alice.createThread()).id;
    await alice.addMessages(
      id,
      Array.from({ length: 12 }, (_, n) => ({ role: 'user', content: `msg-${n}` })),
    );
  });

  const summarize = (body: object = {}) => alice.post(`/threads/${id}/summarize`, { keep_last: 2, ...body });
  const messages = async (): Promise<any[]> => (await alice.get(`/threads/${id}/messages`)).body.data;

  /** Does something while the model thinks, each time that it is asked. */
  const meanwhile = (...works: (() => Promise<unknown>)[]) => {
    server.script(...works.map(() => ({ text: 'Summed up.', delay: 300 })));
    return (async () => {
      for (const [n, work] of works.entries()) {
        while (server.requests.length <= n) await new Promise((done) => setTimeout(done, 5));
        await work();
      }
    })();
  };

  it('C24 holds no lock and loses nothing that is appended meanwhile', async () => {
    const busy = meanwhile(() => alice.addMessage(id, 'Late.'));
    const { status, body } = await summarize({ mode: 'replace' });
    await busy;
    expect(status).toBe(200);
    expect(body).toMatchObject({ removed: 10, total: 4, summary: { from_seq: 1, to_seq: 10 } });
    expect((await messages()).map(({ seq }) => seq)).toEqual([10, 11, 12, 13]);
  });

  it.each(['keep', 'replace'])('%s: what was changed meanwhile is summarized anew', async (mode) => {
    const [first] = await messages();
    const busy = meanwhile(() => alice.patch(`/messages/${first.id}`, { content: 'Edited.' }));
    const { body } = await summarize({ mode });
    await busy;
    expect(body.summary).toMatchObject({ from_seq: 1, to_seq: 10 });
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1].body.messages[1].content).toContain('[user]: Edited.');
  });

  it('gives up where the messages change again and again', async () => {
    const [first] = await messages();
    const edit = (n: number) => () => alice.patch(`/messages/${first.id}`, { content: `Edit ${n}` });
    const busy = meanwhile(edit(1), edit(2), edit(3));
    expectProblem(await summarize({ mode: 'replace' }), 409, 'SUMMARY_OUTDATED');
    await busy;
    expect(await messages()).toHaveLength(12);
  });

  it('U99 a model that fails, or says nothing, changes nothing; the key may be used again', async () => {
    const before = await messages();
    server.always({ status: 400 });
    expectProblem(await summarize({ mode: 'replace' }), 502, 'MODEL_REFUSED');
    server.always({ text: ' ' });
    const headers = { 'idempotency-key': 'again' };
    const ask = () => alice.post(`/threads/${id}/summarize`, { keep_last: 2 }, headers);
    expectProblem(await ask(), 502, 'SUMMARY_EMPTY');
    expect(await messages()).toEqual(before);
    server.always({ text: 'Now.' });
    expect((await ask()).body.summary).toMatchObject({ content: 'Now.', created_by: 'test-model' });
  });
});
