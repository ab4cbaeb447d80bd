import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isAlive } from './postmaster';

/** Where root keeps what must be reachable for another user; nothing clears it, unlike the temp folder. */
export const SHARED_FOLDER = '/var/lib/throughline';

/**
 * Makes a folder and its missing parents. The mode is that of the last one; `mkdir` would apply it to every parent
 * it makes, and the umask to all of them. A folder that exists is left as it is.
 */
export function makeFolder(folder: string, mode: number, parentMode = 0o755): void {
  const path = resolve(folder);
  if (existsSync(path)) return;
  makeFolder(dirname(path), parentMode, parentMode);
  try {
    mkdirSync(path);
    chmodSync(path, mode);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** Whether a folder is ours alone to write: in a shared place, anybody could have put it there before us. */
export function isOurs(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return false;
  return process.geteuid === undefined || (stat.uid === process.geteuid() && (stat.mode & 0o022) === 0);
}

/** A name beside `target` to work under until a rename makes it `target`; it tells whose it is. */
export function workName(target: string): string {
  return `${target}.new-${process.pid}-${randomBytes(4).toString('hex')}`;
}

// In containers the same few process ids come back at every start, so a living owner may be another one.
const ABANDONED_AFTER_MS = 3_600_000;

/** Removes the work folders or files for `target` that a killed process left behind. */
export function sweepWork(target: string): void {
  const prefix = `${basename(target)}.new-`;
  for (const name of readdirSync(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(target), name);
    const age = Date.now() - (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    const owner = Number.parseInt(name.slice(prefix.length), 10);
    // Best effort: an orphaned initdb may still be writing there, and the next start sweeps again.
    if (!isAlive(owner) || age > ABANDONED_AFTER_MS) removeQuietly(path);
  }
}

/** Removes a file or folder; what cannot be removed stays. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // Nothing depends on it.
  }
}

/** Makes renames and links in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return; // Folders cannot be opened there.
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** The `code` of a system or PostgreSQL error, as in `ENOENT` or `28P01`. */
export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}
