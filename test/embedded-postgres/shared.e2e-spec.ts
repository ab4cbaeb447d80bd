/** The embedded PostgreSQL under servers that end, and servers under a PostgreSQL that ends. Needs a build. */
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { isAlive } from '../support/servers/worker-processes';
import { type ServerProcess, startServer } from '../support/servers/server-process';
import { Client } from '../support/world/client';
import { eventually } from '../support/world/events';

jest.setTimeout(300_000);

/** The tests are one story on one folder, in this order: each leaves the next a server and its PostgreSQL. */
describe('R5 servers on one data folder', () => {
  const agent = new Agent();
  const folder = mkdtempSync(join(tmpdir(), 'throughline-shared-'));
  const data = join(folder, 'data');
  const start = (env: Record<string, string> = {}) =>
    startServer({ DATA_DIR: data, NODE_ENV: 'development', ...env }, folder);
  const postgresOf = ({ output }: ServerProcess) =>
    Number([...output.matchAll(/PostgreSQL \(process (\d+)\) (?:adopted|started|is back)/g)].at(-1)?.[1]);
  const at = ({ url }: ServerProcess) => new Client(url, agent);
  let first: ServerProcess;
  let second: ServerProcess | undefined;
  let threadId: string;

  beforeAll(async () => {
    first = await start();
    second = await start({ WORKERS: '2' });
  });
  afterAll(async () => {
    await Promise.all([first.stop(), second?.stop()]);
    await agent.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it('R5 stopping the first leaves the second its database', async () => {
    const postgres = postgresOf(first);
    expect(second!.output).toContain(`PostgreSQL (process ${postgres}) adopted`);
    threadId = (await at(first).createThread('Kyoto')).id;
    expect(await first.stop()).toBe(0);
    expect(first.output).toContain('PostgreSQL runs on');
    expect(isAlive(postgres)).toBe(true);
    expect((await at(second!).get(`/threads/${threadId}`)).body.name).toBe('Kyoto');
  });

  it('R5 kill -9 of PostgreSQL: it is started again, nothing is lost, and the last one stops it', async () => {
    const killed = postgresOf(second!);
    process.kill(killed, 'SIGKILL');
    await eventually(() => second!.output.includes('is back on port'));
    const postgres = postgresOf(second!);
    expect(postgres).not.toBe(killed);
    await second!.ready();
    expect((await at(second!).get(`/threads/${threadId}`)).body.name).toBe('Kyoto');
    expect((await at(second!).createThread('Nara')).name).toBe('Nara');
    expect(await second!.stop()).toBe(0);
    expect(isAlive(postgres)).toBe(false);
  });

  it('R5 ends with 1 and says why when PostgreSQL cannot be started again, and makes no empty database', async () => {
    second = await start();
    renameSync(join(data, 'postgres'), join(data, 'elsewhere'));
    process.kill(postgresOf(second), 'SIGKILL');
    await eventually(() => second!.process.exitCode !== null);
    expect(second.process.exitCode).toBe(1);
    expect(second.output).toContain(`The server gave up: The database in ${join(data, 'postgres')} is gone.`);
    expect(existsSync(join(data, 'postgres'))).toBe(false);
  });
});
