import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent } from 'undici';
import { Client } from '../support/world/client';
import { cloneDatabase, type TestDatabase } from '../support/world/database';
import { makeKey } from '../support/world/keys';
import { type ServerProcess, startServer } from '../support/servers/server-process';

const FOLDER = join(__dirname, '../../examples');

/** Every example, with the items that it shows. */
const ITEMS = {
  'healthcare-assistant.mjs': 'S48',
  'notebook-session.mjs': 'N42',
  'persistent-conversation.mjs': 'F76',
  'quickstart-conversation.mjs': 'U120 S56',
};
const EXAMPLES = Object.keys(ITEMS);

/** Needs a file of conversations; `airline.e2e-spec.ts` runs it. */
const NEEDS_DATA = 'import-conversations.mjs';

const run = (name: string, url: string, key: string) =>
  promisify(execFile)(process.execPath, [join(FOLDER, name), '--key', key], { env: { ...process.env, BASE_URL: url } });

describe('The examples, on a fresh server', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let agent: Agent;
  let authorization: string;

  beforeAll(async () => {
    database = await cloneDatabase();
    server = await startServer({ DATABASE_URL: database.url });
    agent = new Agent();
    authorization = await makeKey(database.pool, 'examples', 'alice', 'member');
  });
  afterAll(async () => {
    await server?.stop();
    await agent?.destroy();
    await database?.drop();
  });

  const key = () => authorization.replace('Bearer ', '');

  it('are these', () => {
    const found = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'));
    expect(found.sort()).toEqual([...EXAMPLES, NEEDS_DATA].sort());
  });

  it.each(Object.entries(ITEMS).map(([name, item]) => [item, name]))(
    '%s %s exits with 0, and again on a second run',
    async (_, name) => {
      const first = await run(name, server.url, key());
      const second = await run(name, server.url, key());
      for (const { stdout, stderr } of [first, second]) {
        expect(stdout).toMatch(/^- /);
        expect(stderr).toBe('');
      }
    },
  );

  it.each(EXAMPLES)('%s leaves nothing behind', async (name) => {
    await run(name, server.url, key());
    const client = new Client(server.url, agent, { authorization });
    for (const path of ['/threads', '/sessions', '/memories']) {
      expect((await client.get(path)).body.data).toEqual([]);
    }
  });

  it.each(EXAMPLES)('%s ends with another code, and says why, when it may not in', async (name) => {
    await expect(run(name, server.url, 'tl_wrong')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('answered 401'),
    });
  });
});
