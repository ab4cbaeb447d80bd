import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent } from 'undici';
import { CONVERSATIONS_FILE, itWithConversations, readConversations } from '../support/data/conversations';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';
import { makeKey } from '../support/world/keys';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const ROOT = join(__dirname, '../..');
const IMPORT = join(ROOT, 'examples/import-conversations.mjs');

describe('Real conversations of an airline agent', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let agent: Agent;
  let authorization: string;

  beforeEach(async () => {
    database = await cloneDatabase();
    agent = new Agent();
    authorization = await makeKey(database.pool, 'airline', 'agent', 'member');
  });
  afterEach(async () => {
    await server?.kill();
    await agent.destroy();
    await database.drop();
  });

  const start = async () => (server = await startServer({ DATABASE_URL: database.url }));
  const connect = () => new Client(server.url, agent, { authorization });
  const runImport = async () => {
    const key = authorization.replace('Bearer ', '');
    const { stdout } = await promisify(execFile)(process.execPath, [
      IMPORT,
      CONVERSATIONS_FILE,
      '--url',
      server.url,
      '--key',
      key,
    ]);
    return JSON.parse(stdout.trim());
  };

  /** Every conversation that the server has, by its id in the file, in the form of the file. */
  async function readAll(client: Client): Promise<Map<string, object[]>> {
    const found = new Map<string, object[]>();
    for (const { id, metadata } of await client.all('/threads')) {
      const { body } = await client.get(`/threads/${id}/history`, { query: { limit: 1000 } });
      expect(body.has_more).toBe(false);
      found.set(
        metadata.source_id,
        body.data.map(({ metadata: _, ...message }: { metadata: object }) => message),
      );
    }
    return found;
  }

  itWithConversations(
    'F36 S16 S17 S18 C54 all of them are there after kill -9, deep-equal; imported again, nothing is twice',
    async () => {
      const conversations = readConversations();
      const messages = conversations.reduce((sum, conversation) => sum + conversation.messages.length, 0);
      expect(conversations).toHaveLength(100);

      await start();
      expect(await runImport()).toEqual({ conversations: 100, messages });
      await server.kill();
      await start();

      const found = await readAll(connect());
      expect(found.size).toBe(100);
      for (const { id, messages: expected } of conversations) expect(found.get(id)).toStrictEqual(expected);
      expect(await brokenCounters(database.pool)).toEqual([]);
      expect(await threadsWithGaps(database.pool)).toEqual([]);

      await runImport();
      const { rows } = await database.pool.query(
        'SELECT (SELECT count(*) FROM threads)::int AS threads, (SELECT count(*) FROM messages)::int AS messages',
      );
      expect(rows).toEqual([{ threads: 100, messages }]);
    },
  );
});
