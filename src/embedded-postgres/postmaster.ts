import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What a running server says of itself in `postmaster.pid`. */
interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping`, or empty while the file is being written. */
  readonly status: string;
}

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
  return commandOf(pid)?.includes(`postgres -D ${cluster} `);
}

/** The command line, a space after every word; empty for a zombie. */
function commandOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const columns = spawnSync('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)], { encoding: 'utf8' });
    return columns.status === 0 ? columns.stdout.replace(/^\s*(Z.*|\S+\s+)/, '') : undefined;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return undefined;
  }
}

/** `SIGINT` disconnects clients and writes everything out, `SIGQUIT` leaves that to crash recovery. */
const SHUTDOWNS = [
  { signal: 'SIGINT', limitMs: 30_000 },
  { signal: 'SIGQUIT', limitMs: 10_000 },
] as const;

/** Shuts a server down and waits until it is gone; one that is gone already is no error. */
export async function shutDown(pid: number, isGone: () => boolean, pgCtl: () => string): Promise<void> {
  for (const { signal, limitMs } of SHUTDOWNS) {
    if (isGone()) return;
    // On Windows, `process.kill` ends a process on the spot; PostgreSQL has its own signals there.
    if (process.platform === 'win32') spawnSync(pgCtl(), ['kill', signal.slice(3), String(pid)], { windowsHide: true });
    else if (isAlive(pid)) process.kill(pid, signal);
    if (await eventually(isGone, limitMs)) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) did not stop.`);
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
