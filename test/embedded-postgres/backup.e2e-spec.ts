/** Backup and restore as an operator runs them: by the command line, beside a server. Needs a build. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { watchOver } from '../support/servers/child-processes';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { Client } from '../support/world/client';

const CLI = join(__dirname, '../../dist/src/cli/cli.js');

jest.setTimeout(300_000);

describe('R6 the embedded database', () => {
  const agent = new Agent();
  const folder = mkdtempSync(join(tmpdir(), 'throughline-backup-'));
  const [data, restored, backup] = ['data', 'restored', 'backup'].map((name) => join(folder, name));
  let server: ServerProcess | undefined;

  const start = async (dataDir: string) => {
    server = await startServer({ DATA_DIR: dataDir, NODE_ENV: 'development' }, folder);
    return new Client(server.url, agent);
  };
  const run = async (dataDir: string, ...args: string[]) => {
    const env = { PATH: process.env.PATH, DATA_DIR: dataDir };
    const child: ChildProcess = spawn(process.execPath, [CLI, ...args], { cwd: folder, env });
    watchOver(child);
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += chunk));
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  };

  afterAll(async () => {
    await server?.stop();
    await agent.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it('R6 is copied while the server writes, and restored whole into a new folder', async () => {
    const client = await start(data);
    const { id } = await client.createThread('Kyoto');
    const path = `/threads/${id}/messages`;
    let sent = 0;
    let isDone = false;
    const send = async () => {
      for (; !isDone; await sleep(20))
        expect((await client.post(path, { role: 'user', content: `temple ${(sent += 1)}` })).status).toBe(201);
    };
    await client.post(path, { role: 'user', content: 'the first' });
    const writing = send();
    const made = await run(data, 'backup', '--out', backup);
    const atLeast = sent;
    isDone = true;
    await writing;
    expect(made).toEqual({ code: 0, output: expect.stringContaining(`MB in ${backup}`) });
    expect(await server!.stop()).toBe(0);

    expect(await run(restored, 'restore', backup)).toEqual({ code: 0, output: expect.stringContaining('Restored') });
    const again = await start(restored);
    const { message_count: count } = (await again.get(`/threads/${id}`)).body;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(atLeast + 1);
    const { data: messages } = (await again.get(`${path}?limit=1000`)).body;
    const contents = messages.map(({ content }: { content: { text: string } }) => content.text);
    expect(contents).toEqual(['the first', ...contents.slice(1).map((_: string, n: number) => `temple ${n + 1}`)]);
    expect((await again.post(path, { role: 'user', content: 'a pagoda' })).body.seq).toBe(count + 1);
    expect((await again.get('/messages/search?q=pagoda')).body.data).toHaveLength(1);
    expect(await server!.stop()).toBe(0);
  });

  it('R6 replaces nothing', async () => {
    const over = await run(data, 'backup', '--out', backup);
    expect(over).toEqual({ code: 1, output: expect.stringContaining('a backup replaces nothing') });
    const into = await run(restored, 'restore', backup);
    expect(into).toEqual({ code: 1, output: expect.stringContaining('a restore replaces nothing') });
  });

  it('R6 a backup that is damaged, incomplete, or of another version is refused before anything is written', async () => {
    const elsewhere = join(folder, 'elsewhere');
    const refused = async (reason: string) => {
      expect(await run(elsewhere, 'restore', backup)).toEqual({ code: 1, output: expect.stringContaining(reason) });
      expect(existsSync(elsewhere)).toBe(false);
    };
    const manifest = join(backup, 'manifest.json');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace(/"postgres": \d+/, '"postgres": 15'));
    await refused('PostgreSQL 15 on');
    writeFileSync(manifest, text);
    appendFileSync(join(backup, 'postgres/global/pg_control'), ' ');
    await refused('The backup is damaged');
    rmSync(manifest);
    await refused('is no backup');
  });

  it('R6 a data folder of an older major version says what to do', async () => {
    writeFileSync(join(restored, 'postgres/PG_VERSION'), '15\n');
    await expect(start(restored)).rejects.toThrow('start it with a PostgreSQL 15 and move it by a dump');
  });
});
