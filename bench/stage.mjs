import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist/src/', import.meta.url));
const START_MS = 30_000;
const STOP_MS = 15_000;
/** The server's pool, and that of the direct callers beside it. */
export const POOL = { DB_POOL_SIZE: '5', DB_MAX_OVERFLOW: '10' };
export const POOL_MAX = 15;
/** Theirs stay open while others have their turn. */
export const POOL_IDLE_MS = 600_000;

/** A module of the build, such as `./common/ids.js`. */
export const built = createRequire(join(DIST, 'main.js'));

const closers = [];
let closing;

/** Has `close` run at the end, also where the end comes before what it closes has fully started. */
export function own(promise, close) {
  closers.unshift(() => promise.then(close, () => undefined));
  return promise;
}

/** Ends everything that was started, the newest first; calling it again waits for the same end. */
export function closeAll() {
  closing ??= (async () => {
    for (const close of closers) await close().catch((error) => console.error(`While cleaning up: ${error.message}`));
  })();
  return closing;
}

/** Runs the whole of a program: whatever happens, nothing that it started stays. */
export function runProgram(main) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => void closeAll().then(() => process.exit(130)));
  }
  const fail = (error) => {
    // After a signal, errors only tell that what they needed is gone.
    if (!closing) console.error(error);
    return 1;
  };
  void main()
    .catch(fail)
    .then(async (code) => {
      const interrupted = closing !== undefined;
      await closeAll();
      process.exit(interrupted ? 130 : code);
    });
}

/** A temporary folder that PostgreSQL's account can pass through, also where this runs as root. */
export function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-bench-'));
  chmodSync(folder, 0o711);
  own(Promise.resolve(), () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The URL of a database that keeps what it commits: the one given, or a fresh embedded one, gone afterwards. */
export async function openDatabase(folder) {
  if (process.env.BENCH_DATABASE_URL) return process.env.BENCH_DATABASE_URL;
  const { startEmbeddedPostgres } = built('./embedded-postgres/embedded-postgres.js');
  const starting = startEmbeddedPostgres({ dataDir: join(folder, 'data') });
  return (await own(starting, (server) => server.stop())).url;
}

/** The real server in a process of its own; answers its URL and how to stop it. */
export async function startServer(databaseUrl, folder, nodeOptions = []) {
  const port = await freePort();
  const child = spawn(process.execPath, [...nodeOptions, join(DIST, 'main.js')], {
    cwd: folder,
    env: serverEnvironment(databaseUrl, port),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
  own(Promise.resolve(), stop);
  const url = `http://127.0.0.1:${port}`;
  await waitUntilReady(url, child);
  return { url, stop };
}

/** At `warn` the server does not tell its port, so that it is chosen here. */
function serverEnvironment(databaseUrl, port) {
  const { variables } = built('./config/variables.js');
  const inherited = Object.entries(process.env).filter(([name]) => !(name in variables));
  return {
    ...Object.fromEntries(inherited),
    ...POOL,
    PORT: String(port),
    LOG_LEVEL: 'warn',
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
  };
}

async function waitUntilReady(url, child) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const response = await fetch(`${url}/api/health/ready`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await sleep(50);
  }
  throw new Error('The server did not become ready');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
