import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestApp, type TestApp } from '../support/world/app';
import { itWithConversations, readConversations } from '../support/data/conversations';
import { brokenCounters, threadsWithGaps } from '../support/world/integrity';

const CLI = join(__dirname, '../../dist/src/cli/cli.js');

describe('Export and import of real conversations', () => {
  let app: TestApp;
  let folder: string;

  beforeEach(async () => {
    app = await startTestApp();
    folder = await mkdtemp(join(tmpdir(), 'throughline-transfer-'));
  });
  afterEach(async () => {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs a command as an operator would. */
  async function cli(...args: string[]) {
    const env = { PATH: process.env.PATH ?? '', DATABASE_URL: app.database.url };
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], { cwd: folder, env });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  itWithConversations('F45 F46 F73 all 100 are byte for byte the same after export, erasure and import', async () => {
    const admin = await app.as('airline', 'root', 'admin');
    const agent = await app.as('airline', 'agent');
    const conversations = readConversations();
    const raw = conversations.map(({ messages }) => JSON.stringify(messages)).join('\n');
    const lines = { 'content-type': 'application/x-ndjson' };
    const first = await agent.send('POST', '/threads/import', { raw, headers: lines });
    expect(first.body).toMatchObject({ imported: 100, failed: 0 });
    expect(first.body.messages).toBe(conversations.reduce((sum, { messages }) => sum + messages.length, 0));
    // What went in is what a model gets, to the byte of every argument.
    for (const [i, { thread_id }] of first.body.conversations.entries()) {
      const { body } = await agent.get(`/threads/${thread_id}/history`, { query: { limit: 1000 } });
      expect(body.data.map(({ metadata: _, ...message }: { metadata: object }) => message)).toStrictEqual(
        conversations[i].messages,
      );
    }
    const before = (await agent.get('/threads/export', { query: { format: 'ndjson' } })).text;
    expect((await admin.post('/erasures', { user_id: 'agent' })).body).toMatchObject({ status: 'done' });
    const again = await app.as('airline', 'agent', 'service');
    expect((await again.get('/threads/export', { query: { format: 'ndjson' } })).text).toBe('');
    const second = await again.send('POST', '/threads/import', { raw: before, headers: lines });
    expect(second.body).toMatchObject({ imported: 100, failed: 0 });
    expect((await again.get('/threads/export', { query: { format: 'ndjson' } })).text).toBe(before);
    expect(await brokenCounters(app.db)).toEqual([]);
    expect(await threadsWithGaps(app.db)).toEqual([]);
  });

  itWithConversations('F45 F46 the command line does the same, with progress, and tells what was wrong', async () => {
    const agent = await app.as('airline', 'agent');
    const history = readConversations().map(({ messages }) => ({ messages }));
    await writeFile(join(folder, 'all.json'), JSON.stringify(history, null, 2));
    const who = ['--org', 'airline', '--user', 'agent'];
    const dry = await cli('import', 'all.json', ...who, '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/^100 imported, 0 failed, \d+ messages\n$/) });
    expect(await agent.all('/threads')).toEqual([]);
    expect(await cli('import', 'all.json', ...who)).toMatchObject({ code: 0, stdout: dry.stdout });
    const out = await cli('export', '--out', 'all.ndjson', ...who);
    expect(out).toMatchObject({ code: 0, stdout: '' });
    // No terminal: lines instead of a bar.
    expect(out.stderr).toMatch(/^ {2}1?\d? ?\d+ %, \d+ conversations\n/m);
    expect(out.stderr).toContain('100 %, 100 conversations\n');
    expect(out.stderr).not.toContain('\r');
    const text = await readFile(join(folder, 'all.ndjson'), 'utf8');
    expect((await agent.get('/threads/export', { query: { format: 'ndjson' } })).text).toBe(text);
    await cli('export', '--out', 'again.json', '--format', 'json', ...who);
    await app.db.query('DELETE FROM threads');
    expect(await cli('import', 'again.json', ...who)).toMatchObject({ code: 0, stdout: dry.stdout });
    expect((await agent.get('/threads/export', { query: { format: 'ndjson' } })).text).toBe(text);
  });

  it('F46 the command line ends with 1 where something failed, and writes no half of a file', async () => {
    const who = ['--org', 'acme', '--user', 'alice'];
    const alice = await app.as('acme', 'alice');
    await writeFile(join(folder, 'mixed'), '{"messages":[{"role":"user","content":"Hi"}]}\n{"messages":7}\nnothing\n');
    const mixed = await cli('import', 'mixed', ...who);
    expect(mixed).toMatchObject({ code: 1, stdout: '1 imported, 2 failed, 1 messages\n' });
    expect(mixed.stderr).toMatch(/2: VALIDATION_FAILED: .*\n3: INVALID_JSON: /);
    await writeFile(join(folder, 'bad'), 'x\ny\n');
    expect(await cli('import', 'bad', ...who)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('line 2: '),
    });
    expect(await cli('import', 'missing', ...who)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ENOENT'),
    });
    expect((await cli('export', '--out', join(folder, 'no', 'where'), ...who)).code).toBe(1);
    expect(await cli('import', 'mixed', '--org', 'acme')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--user'),
    });
    expect(await alice.all('/threads')).toHaveLength(1);
    const bob = await app.as('acme', 'bob');
    expect(await bob.all('/threads')).toEqual([]);
  });
});
