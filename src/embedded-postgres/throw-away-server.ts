import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, canEnter, chooseAccount } from './account';
import { SHARED_FOLDER, makeFolder, makePrivateFolder } from './files';
import { eventually } from './postmaster';
import { type Launcher, type ServerOptions, startServer } from './server';

const STOP_TIMEOUT_MS = 30_000;

// Nothing here is to survive, not even the next second of a power cut.
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * The program of the process that outlives us. Its argument is a folder, its messages the process id of the server that
 * uses it. When its channel to us closes, which the system does however we end, it stops the server and removes the
 * folder. It is text for `node -e`, because there is no file to run: under jest, these sources are never compiled to disk.
 */
const REMOVER = String.raw`
const { rmSync } = require('node:fs');
const { setTimeout: delay } = require('node:timers/promises');
let server;
let leaving;

function send(signal) {
  try {
    return process.kill(server, signal);
  } catch {
    return false;
  }
}

async function leave() {
  if (server) send('SIGQUIT');
  for (let tries = 0; server && send(0); tries += 1) {
    if (tries === 1000) send('SIGKILL');
    if (tries === 1100) break;
    await delay(10);
  }
  try {
    rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  } finally {
    process.exit();
  }
}

process.on('message', (pid) => (server = pid));
for (const event of ['disconnect', 'uncaughtException', 'SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(event, () => (leaving ??= leave()));
}
`;

/** A server on a fresh folder; a process of its own removes both when this one ends. */
export function prepareThrowAway(options: ServerOptions): Launcher {
  const account = chooseAccount();
  const dataDir = join(temporaryParent(account), `throughline-${randomBytes(8).toString('hex')}`);
  // It comes before the folder: were we killed in between, nobody would remove it.
  const remover = spawnRemover(dataDir);
  const tell = (pid: number) => remover.connected && remover.send(pid, () => {});
  const onSpawn = (child: ChildProcess) => {
    if (child.pid !== undefined) tell(child.pid);
    // Its process id may soon be another's.
    child.once('exit', () => tell(0));
  };
  const settings = { ...NOT_DURABLE, ...options.settings };
  const start = async (port?: number) => {
    try {
      if (!existsSync(dataDir)) makePrivateFolder(dataDir, account);
      return await startServer({ dataDir, settings, port, throwAway: true, onSpawn });
    } catch (error) {
      await remove(remover);
      throw error;
    }
  };
  return { start, stop: () => remove(remover) };
}

function temporaryParent(account: Account | undefined): string {
  for (const parent of [tmpdir(), '/tmp', '/var/tmp']) if (canEnter(parent, account)) return parent;
  makeFolder(SHARED_FOLDER, 0o755);
  return SHARED_FOLDER;
}

function spawnRemover(folder: string): ChildProcess {
  const remover = spawn(process.execPath, ['-e', REMOVER, folder], {
    cwd: '/',
    env: {},
    detached: true, // Ctrl-C in a terminal is for us; the remover follows when our channel closes.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    windowsHide: true,
  });
  remover.on('error', () => {}); // Then `remove` finds that it has no process.
  remover.unref();
  remover.channel?.unref();
  return remover;
}

async function remove(remover: ChildProcess): Promise<void> {
  if (remover.connected) remover.disconnect();
  const hasEnded = () => remover.pid === undefined || remover.exitCode !== null || remover.signalCode !== null;
  if (await eventually(hasEnded, STOP_TIMEOUT_MS)) return;
  throw new Error(`The process ${remover.pid} that stops PostgreSQL did not end.`);
}
