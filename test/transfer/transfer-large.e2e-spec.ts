import { createHash, type Hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { makeKey } from '../support/world/keys';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const MEGABYTE = 1024 * 1024;
const CONVERSATIONS = 128;
/** Of each conversation, which is half a megabyte in all. */
const MESSAGES = 128;
const TIME = '2024-01-01T00:00:00.000Z';

/** An export's line, as the server itself would write it. */
function makeLine(index: number): string {
  const messages = Array.from({ length: MESSAGES }, (_, i) => ({
    seq: i + 1,
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: { text: `${index}-${i} ${'lorem ipsum '.repeat(320)}`, type: 'text' },
    metadata: {},
    token_count: 900,
    cost: '0',
    created_at: TIME,
    updated_at: TIME,
  }));
  const head = { schema_version: 2, user_id: 'alice', name: `Conversation ${index}`, status: 'active', metadata: {} };
  const rest = { auto_summarize: null, last_seq: MESSAGES, created_at: TIME, updated_at: TIME, session: null };
  return `${JSON.stringify({ ...head, ...rest, summaries: [], messages })}\n`;
}

async function* makeLines(hash: Hash): AsyncGenerator<string, void> {
  for (let i = 0; i < CONVERSATIONS; i += 1) {
    const line = makeLine(i);
    hash.update(line);
    yield line;
  }
}

describe('Export and import of much', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let agent: Agent;
  let authorization: string;

  beforeAll(async () => {
    database = await cloneDatabase();
    agent = new Agent();
    authorization = await makeKey(database.pool, 'acme', 'alice', 'member');
    // With a heap in which what follows would not fit: the half of it is what the server itself needs.
    server = await startServer({ DATABASE_URL: database.url, NODE_OPTIONS: '--max-old-space-size=160' });
  });
  afterAll(async () => {
    await agent.destroy();
    await server?.kill();
    await database.drop();
  });

  const request = (method: 'GET' | 'POST', path: string, body?: AsyncIterable<string>) =>
    agent.request({
      origin: server.url,
      path: `/api${path}`,
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/x-ndjson' }) },
      body: body as never,
    });
  /** The most memory that the server has ever had, in megabytes; 0 where the system does not tell. */
  const peak = () => {
    try {
      const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  };
  const busyConnections = async () => {
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS busy FROM pg_stat_activity
       WHERE application_name = 'throughline' AND datname = current_database() AND state <> 'idle'`,
    );
    return rows[0].busy as number;
  };

  it('F45 F46 sixty megabytes go in and come out again, equal, without ever being in memory', async () => {
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    const answer = await request('POST', '/threads/import', makeLines(sent));
    expect(await answer.body.json()).toMatchObject({ imported: CONVERSATIONS, failed: 0, complete: true });
    const { body } = await request('GET', '/threads/export?format=ndjson');
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      received.update(chunk);
      bytes += chunk.length;
    }
    expect(bytes).toBeGreaterThan(60 * MEGABYTE);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    expect(peak()).toBeLessThan(300);
  });

  it('F45 a reader that stops holds a page at most; one that leaves ends the export and frees its connection', async () => {
    const { body } = await request('GET', '/threads/export?format=json');
    const reader = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    await reader.next();
    // It reads no further. Others are served meanwhile, and the export waits.
    const { rows } = await database.pool.query('SELECT id FROM threads LIMIT 1');
    const { statusCode } = await request('GET', `/threads/${rows[0].id}/export?format=ndjson`).then(async (other) => {
      await other.body.dump({ limit: 10 * MEGABYTE });
      return other;
    });
    expect(statusCode).toBe(200);
    expect(peak()).toBeLessThan(300);
    body.destroy();
    for (let looks = 0; (await busyConnections()) > 0; looks += 1) {
      if (looks > 1000) throw new Error('A connection stays busy after its reader has left');
      await sleep(20);
    }
  });
});
