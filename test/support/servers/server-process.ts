/**
 * Real servers, `node dist/src/main.js`, in processes that a test may kill. Build first: `npm test` does.
 *
 *     const server = await startServer({ DATABASE_URL: database.url });
 *     const alice = new Client(server.url, agent, { authorization: await makeKey(database.pool, 'acme', 'alice', 'member') });
 *     await server.kill();                                      // SIGKILL
 *     const again = await startServer({ DATABASE_URL: database.url });
 *     await again.stop();                                       // SIGTERM, waits for its end
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, hasEnded, watchOver } from './child-processes';

const MAIN = join(__dirname, '../../../dist/src/main.js');
const START_TIMEOUT_MS = 120_000;

export class ServerProcess {
  constructor(
    readonly url: string,
    readonly process: ChildProcess,
    private readonly lines: () => string,
  ) {}

  /** What it has written so far: JSON lines of the log. */
  get output(): string {
    return this.lines();
  }

  /** Ends it on the spot, without a chance to tidy up. */
  kill(): Promise<number | null> {
    return this.end('SIGKILL');
  }

  /** Ends it as an operator would; answers its exit code. */
  stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** Waits until it is ready (again), as after the database's return. */
  ready(timeoutMs = START_TIMEOUT_MS): Promise<void> {
    return waitUntil(
      () => isReady(this.url),
      timeoutMs,
      () => `${this.url} did not become ready:\n${this.output}`,
    );
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    await endProcess(this.process, signal);
    return this.process.exitCode;
  }
}

/**
 * Starts a server on a free port and waits until it is ready. The environment is only what is given here; so is `.env`,
 * which is read from `cwd`. Of a start that fails, nothing is left, nor of its embedded PostgreSQL.
 * @param wrapper a command that becomes the server: its arguments are the program's
 */
export async function startServer(
  env: Record<string, string>,
  cwd = tmpdir(),
  timeoutMs = START_TIMEOUT_MS,
  wrapper: string[] = [],
): Promise<ServerProcess> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run "npm run build" first`);
  const defaults = {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'info',
    NODE_ENV: 'test',
    OPERATOR_ORG_ID: 'acme',
  };
  const [program, ...args] = [...wrapper, process.execPath, MAIN];
  const child = spawn(program, args, { cwd, env: { ...defaults, CLEANUP_ENABLED: 'false', ...env } });
  watchOver(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  // Not the address of its metrics, and not the first of several workers.
  const address = () => /ready on (http:\/\/[\w.[\]:-]+:\d+)/.exec(output)?.[1];
  const failure = () => `The server did not start:\n${output}`;
  const answers = () => {
    if (hasEnded(child)) throw new Error(failure());
    return address() !== undefined;
  };
  try {
    await waitUntil(answers, timeoutMs, failure);
    const server = new ServerProcess(address()!, child, () => output);
    await server.ready();
    return server;
  } catch (error) {
    await endProcess(child, 'SIGTERM');
    throw error;
  }
}

const isReady = (url: string) =>
  fetch(`${url}/api/health/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );

async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  failure: () => string,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(failure());
    await sleep(20);
  }
}
