import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { packagedBinaries, prepareBinaries } from './binaries';
import { programOptions, serverArguments } from './commands';
import { type Address, dataDirectoryOf, freePort } from './connection';
import { type Cluster, ensureCluster } from './data-cluster';
import { openDataFolder } from './data-folder';
import { errorCode } from './files';
import { LogFile } from './log-file';
import { readPostmasterFile, servesCluster, shutDown } from './postmaster';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
const RETRY_MS = 200;

/** How to run a server. */
export interface ServerOptions {
  readonly dataDir: string;
  readonly throwAway?: boolean;
  readonly settings?: Record<string, string>;
  /** Where clients know it; else any that is free, that of a server that was killed if possible. */
  readonly port?: number;
  readonly log?: (message: string) => void;
  /** Hears of each process that may become the server. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

/** A server that takes connections, before its database is looked at. */
export interface RunningServer extends Address {
  readonly pid: number;
  readonly adopted: boolean;
  stop(): Promise<void>;
}

/** How a server is started, or found running, and what ends it for good. */
export interface Launcher {
  start(port?: number): Promise<RunningServer>;
  stop(server: RunningServer): Promise<void>;
}

/** The cluster, how to get in, and where its server writes to. */
interface Place {
  readonly cluster: Cluster;
  readonly password: string;
  readonly log: LogFile;
}

/**
 * Adopts the server that serves a data folder, or starts it. There is no lock of our own: PostgreSQL's lock on its
 * cluster decides between several starts at once, and those that lose it adopt the winner's server.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const folder = openDataFolder(options.dataDir);
  const cluster = await ensureCluster(folder, options);
  const place = { cluster, password: folder.password, log: new LogFile(folder.logFile) };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const found = await adopt(place);
    const server = found === 'absent' ? await launch(place, options, deadline) : found;
    if (server) return server;
    await delay(POLL_MS);
  }
  throw new Error(
    `PostgreSQL was not ready after ${START_TIMEOUT_MS / 1000} s. It may still be recovering the database in ` +
      `${cluster.path}; then the next start adopts it. The end of ${folder.logFile}:\n${place.log.tail()}`,
  );
}

/** @returns the server that runs already, `absent`, or undefined while it starts, stops or recovers */
async function adopt({ cluster, password }: Place): Promise<RunningServer | 'absent' | undefined> {
  const file = readPostmasterFile(cluster.path);
  const serves = file && servesCluster(file.pid, cluster.path);
  if (!file || serves === false) return 'absent';
  if (serves && file.status !== 'ready') return undefined;
  const address = { port: file.port, password };
  try {
    return (await isServing(address, cluster)) ? runningServer(cluster, address, file.pid) : 'absent';
  } catch (cause) {
    if (!serves) return 'absent';
    if (errorCode(cause) !== '28P01') return undefined;
    const message = `The PostgreSQL that serves ${cluster.path} does not take the password of its data folder.`;
    throw new Error(message, { cause });
  }
}

/** @returns undefined when another process was quicker, or time is up */
async function launch(place: Place, options: ServerOptions, deadline: number): Promise<RunningServer | undefined> {
  const { cluster, password, log } = place;
  const address = { port: await portFor(cluster, options), password };
  const child = spawnServer(place, address.port, options);
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  while (!hasExited(child) && failure === undefined) {
    if (Date.now() > deadline) return undefined;
    const file = readPostmasterFile(cluster.path);
    if (file && file.pid === child.pid && file.status === 'ready') {
      const serves = await isServing(address, cluster).catch(() => false);
      if (serves) return runningServer(cluster, address, file.pid, child);
    }
    await delay(POLL_MS);
  }
  if (failure === undefined && log.tellsOfOvertaking()) return delay(RETRY_MS, undefined); // Every try leaves lines in the log.
  throw new Error(`PostgreSQL did not start. The end of ${log.path}:\n${failure ?? log.tail()}`);
}

async function portFor({ path }: Cluster, { port }: ServerOptions): Promise<number> {
  return port ?? freePort(readPostmasterFile(path)?.port || undefined);
}

function spawnServer({ cluster, log }: Place, port: number, options: ServerOptions): ChildProcess {
  options.log?.('Starting PostgreSQL…');
  const binaries = prepareBinaries(cluster.account);
  const stale = readPostmasterFile(cluster.path)?.pid;
  const staleProcess = stale && servesCluster(stale, cluster.path) === false ? stale : undefined;
  const program = programOptions(binaries, cluster.account, staleProcess);
  const args = serverArguments(cluster.path, port, options.settings);
  // Its own session: Ctrl-C in a terminal goes to node alone, which closes its connections before it stops this.
  const child = log.write((output) =>
    spawn(binaries.postgres, args, { ...program, detached: true, stdio: ['ignore', output, output] }),
  );
  child.unref();
  options.onSpawn?.(child);
  return child;
}

async function isServing(address: Address, { path }: Cluster): Promise<boolean> {
  return resolve(await dataDirectoryOf(address)) === path;
}

const hasExited = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

function runningServer(cluster: Cluster, address: Address, pid: number, child?: ChildProcess): RunningServer {
  // For an own child, node knows better than the process table, where another process may have got its id. Where the
  // system does not tell what a process is, its `postmaster.pid` does, which a server removes at its end.
  const serves = () => servesCluster(pid, cluster.path) ?? readPostmasterFile(cluster.path)?.pid === pid;
  const isGone = () => (child ? hasExited(child) : !serves());
  return { ...address, pid, adopted: !child, stop: () => shutDown(pid, isGone, () => packagedBinaries().pgCtl) };
}
