import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What a running server says of itself in `postmaster.pid`. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping`, or empty while the file is being written. */
  readonly status: string;
}

// PostgreSQL writes the file within milliseconds of making it; an older empty one is what a power cut left.
const TORN_AFTER_MS = 10_000;

/** Reads a cluster's `postmaster.pid`; undefined when there is none or it names no process. */
export function readPostmasterFile(cluster: string): PostmasterFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number.parseInt(lines[0], 10);
  return pid > 0 ? { pid, port: Number.parseInt(lines[3], 10), status: lines[7]?.trim() ?? '' } : undefined;
}

/** Removes a `postmaster.pid` without a process id, which PostgreSQL would refuse for ever. */
export function removeTornPostmasterFile(cluster: string): void {
  const file = join(cluster, 'postmaster.pid');
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat && Date.now() - stat.mtimeMs > TORN_AFTER_MS && !readPostmasterFile(cluster)) rmSync(file, { force: true });
}

/** Whether a process exists that we may signal. Somebody else's does not count: it cannot be serving our files. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * Whether a process is the PostgreSQL server of a cluster; undefined when the system does not tell. A process id
 * alone proves nothing: after a reboot, or in a restarted container, it often belongs to something else. A server
 * that ended and waits as a zombie to be reaped serves nothing.
 */
export function servesCluster(pid: number, cluster: string): boolean | undefined {
  if (!isAlive(pid)) return false;
  if (process.platform === 'win32') return undefined;
  const command = process.platform === 'linux' ? linuxCommand(pid) : commandByPs(pid);
  if (command === undefined) return undefined;
  if (command.includes(`postgres -D ${cluster} `)) return true;
  return /postgres/.test(command) ? worksIn(pid, cluster) : false;
}

/** The command line, a space after every word; empty for a zombie. */
function linuxCommand(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return undefined;
  }
}

function commandByPs(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const [, state, command] = /^\s*(\S+)\s+(.*)/.exec(stdout) ?? [];
  return state?.startsWith('Z') ? '' : command;
}

/** A server's working directory is its cluster, whatever path it was started with. */
function worksIn(pid: number, cluster: string): boolean | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster);
  } catch {
    return undefined;
  }
}

/** How to shut down: `INT` disconnects clients and writes everything out, `QUIT` leaves that to crash recovery. */
export type ShutdownSignal = 'INT' | 'QUIT';

/** Sends a shutdown signal; a server that is gone already is no error. */
export function signalPostmaster(pid: number, signal: ShutdownSignal, pgCtl: () => string): void {
  if (process.platform === 'win32') {
    // There, `process.kill` ends a process on the spot; PostgreSQL has its own signals.
    spawnSync(pgCtl(), ['kill', signal, String(pid)], { windowsHide: true });
    return;
  }
  try {
    process.kill(pid, `SIG${signal}`);
  } catch {
    // Gone between the look and the signal.
  }
}

/** Waits for a condition, looking every 10 ms; false when it did not come true in time. */
export async function eventually(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
}
