import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { packagedBinaries, prepareBinaries } from './binaries';
import { type Cluster, ensureCluster } from './data-cluster';
import { programOptions, serverArguments } from './commands';
import { type Address, freePort, isServing } from './connection';
import { type DataFolder, openDataFolder } from './data-folder';
import { errorCode } from './files';
import { LogFile } from './log-file';
import {
  eventually,
  readPostmasterFile,
  removeTornPostmasterFile,
  servesCluster,
  signalPostmaster,
  type ShutdownSignal,
} from './postmaster';
import type { EmbeddedOptions, RunningServer } from './types';

const START_TIMEOUT_MS = 60_000;
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const POLL_MS = 20;
const RETRY_MS = 200;

/** One attempt to get at a server: it, or `wait` to look again in a moment, or `absent`. */
type Attempt = RunningServer | 'wait' | 'absent';

/**
 * Adopts the server that serves a data folder, or starts it. There is no lock of our own: PostgreSQL's lock on its
 * cluster decides between several starts at once, and those that lose it adopt the winner's server.
 */
export async function startLastingServer(options: EmbeddedOptions): Promise<RunningServer> {
  const folder = openDataFolder(options.dataDir);
  const cluster = await ensureCluster(folder, options.log ?? (() => {}));
  const log = new LogFile(folder.logFile);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const found = await adopt(folder, cluster);
    const attempt = found === 'absent' ? await launch(folder, cluster, log, deadline, options) : found;
    if (typeof attempt !== 'string') return attempt;
    await delay(POLL_MS);
  }
  throw new Error(
    `PostgreSQL was not ready after ${START_TIMEOUT_MS / 1000} s. It may still be recovering the database in ` +
      `${cluster.path}; then the next start adopts it. The end of ${log.path}:\n${log.tail()}`,
  );
}

async function adopt({ password }: DataFolder, cluster: Cluster): Promise<Attempt> {
  removeTornPostmasterFile(cluster.path);
  const file = readPostmasterFile(cluster.path);
  const serves = file && servesCluster(file.pid, cluster.path);
  if (!file || serves === false) return 'absent';
  // Starting, stopping or recovering: it ends in a server to adopt, or in none.
  if (serves && file.status !== 'ready') return 'wait';
  try {
    if (!(await isServing({ port: file.port, password }, cluster.path))) return 'absent';
    return runningServer(cluster, { port: file.port, password }, file.pid);
  } catch (error) {
    if (serves && errorCode(error) === '28P01') {
      throw new Error(`The PostgreSQL that serves ${cluster.path} does not take the password of its data folder.`, {
        cause: error,
      });
    }
    return serves ? 'wait' : 'absent';
  }
}

async function launch(
  folder: DataFolder,
  cluster: Cluster,
  log: LogFile,
  deadline: number,
  options: EmbeddedOptions,
): Promise<Attempt> {
  const address = { port: await freePort(), password: folder.password };
  const child = spawnServer(cluster, address.port, log, options);
  const failed = new Promise<Error>((resolve) => child.once('error', resolve));
  while (child.pid !== undefined && !hasExited(child) && Date.now() < deadline) {
    const file = readPostmasterFile(cluster.path);
    if (file?.pid === child.pid && file.status === 'ready') {
      const serves = await isServing(address, cluster.path).catch(() => false);
      if (serves) return runningServer(cluster, address, child.pid, child);
    }
    await delay(POLL_MS);
  }
  if (child.pid !== undefined && (!hasExited(child) || log.tellsOfOvertaking())) {
    await delay(RETRY_MS); // Every try leaves lines in the log.
    return 'wait';
  }
  const reason = child.pid === undefined ? (await failed).message : log.tail();
  throw new Error(`PostgreSQL did not start. The end of ${log.path}:\n${reason}`);
}

function spawnServer(cluster: Cluster, port: number, log: LogFile, options: EmbeddedOptions): ChildProcess {
  options.log?.('Starting PostgreSQL…');
  const binaries = prepareBinaries(cluster.account);
  const stale = readPostmasterFile(cluster.path)?.pid;
  const staleProcess = stale && servesCluster(stale, cluster.path) === false ? stale : undefined;
  const output = log.open();
  // Its own session: Ctrl-C in a terminal goes to node alone, which closes its connections before it stops this.
  const child = spawn(binaries.postgres, serverArguments(cluster.path, port, options.settings), {
    ...programOptions(binaries, cluster.account, staleProcess),
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  options.meanwhile?.();
  return child;
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function runningServer(cluster: Cluster, address: Address, pid: number, child?: ChildProcess): RunningServer {
  // For an own child, node knows better than the process table, where another process may have got its id.
  const isGone = () => (child ? hasExited(child) : hasLeft(pid, cluster));
  return { ...address, pid, adopted: !child, stop: () => shutDown(pid, isGone) };
}

/** Where the system does not tell what a process is, its `postmaster.pid` does, which a server removes at its end. */
function hasLeft(pid: number, cluster: Cluster): boolean {
  const serves = servesCluster(pid, cluster.path) ?? readPostmasterFile(cluster.path)?.pid === pid;
  return !serves;
}

async function shutDown(pid: number, isGone: () => boolean): Promise<void> {
  const steps: [ShutdownSignal, number][] = [
    ['INT', FAST_SHUTDOWN_MS],
    ['QUIT', IMMEDIATE_SHUTDOWN_MS],
  ];
  for (const [signal, timeoutMs] of steps) {
    if (isGone()) return;
    signalPostmaster(pid, signal, () => packagedBinaries().pgCtl);
    if (await eventually(isGone, timeoutMs)) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) did not stop.`);
}
