import cluster from 'node:cluster';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Workers } from './workers';

/** A worker that listens late, and does as it is told; where there is a file `stuck`, it does not end. */
const PROGRAM = `
  const stuck = require('node:fs').existsSync('stuck');
  setTimeout(() => {
    process.on('message', ({ kind, database }) => {
      if (kind === 'serve') process.send({ kind: 'ready', url: database });
      if (kind === 'stop' && !stuck) process.exit(0);
    });
    process.send({ kind: 'up' });
  }, 200);
`;
const SERVED = { database: 'of these tests', prepared: true };
const DEADLINE_MS = 60_000;

jest.setTimeout(120_000);

describe('Workers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-cluster-'));
  const exec = join(folder, 'worker.js');
  const lines: [string, string][] = [];
  const log = (level: string) => (_: object, message: string) => lines.push([level, message]);
  const logger = { warn: log('warn'), error: log('error') } as unknown as Logger;
  let workers: Workers;
  let failure: Promise<Error>;

  const until = async (condition: () => boolean) => {
    const deadline = Date.now() + DEADLINE_MS;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`Not in time: ${condition.toString()}`);
      await sleep(10);
    }
  };
  const living = () => Object.values(cluster.workers ?? {}).filter((worker) => worker && !worker.isDead());
  const run = (graceMs = 60_000) => {
    workers = new Workers({ count: 2, graceMs, logger });
    return new Promise<string>((resolve) => {
      failure = workers.run(SERVED, resolve).catch((error: Error) => error);
    });
  };

  beforeAll(() => writeFileSync(exec, PROGRAM));
  beforeEach(() => {
    lines.length = 0;
    cluster.setupPrimary({ exec, execArgv: [], cwd: folder });
  });
  afterEach(async () => {
    workers.abandon();
    await workers.stop();
    cluster.removeAllListeners();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('serve as soon as they listen, however late, and end when told', async () => {
    expect(await run()).toBe(SERVED.database);
    await workers.stop();
    expect(living()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('end also when they are told before they listen', async () => {
    void run();
    await Promise.all([workers.stop(), workers.stop()]);
    expect(living()).toEqual([]);
  });

  it('are killed when they do not end, and the log says so', async () => {
    const stuck = join(folder, 'stuck');
    writeFileSync(stuck, '');
    await run(0);
    await Promise.all([workers.stop(), workers.stop()]);
    expect(living()).toEqual([]);
    expect(lines).toEqual([['warn', expect.stringContaining('they are killed')]]);
    rmSync(stuck);
  });

  it('do not start where no process can be started, and say so', async () => {
    cluster.setupPrimary({ cwd: join(folder, 'missing') });
    void run();
    expect((await failure).message).toMatch(/did not start \(spawn .*ENOENT\)/);
    await workers.stop();
  });

  it('are started again once processes can be started', async () => {
    await run();
    const [victim] = living();
    cluster.setupPrimary({ cwd: join(folder, 'missing') });
    victim!.process.kill('SIGKILL');
    await until(() => lines.length > 2);
    cluster.setupPrimary({ cwd: folder });
    await until(() => living().length === 2);
  });

  it('end the instance when none is left and none can be started', async () => {
    await run();
    cluster.setupPrimary({ cwd: join(folder, 'missing') });
    for (const worker of living()) worker!.process.kill('SIGKILL');
    expect((await failure).message).toMatch(/no worker is left/);
  });
});
