import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Account } from './account';
import { isAlive } from './postmaster';

/** Where root keeps what must be reachable for another user; nothing clears it, unlike the temp folder. */
export const SHARED_FOLDER = '/var/lib/throughline';

/** Makes a folder, with this mode whatever the umask is, and its missing parents. One that exists is left as it is. */
export function makeFolder(path: string, mode: number): void {
  if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, mode);
}

/** Makes a folder that only PostgreSQL's account may enter. */
export function makePrivateFolder(path: string, account: Account | undefined): void {
  mkdirSync(path, { mode: 0o700 });
  if (account) chownSync(path, account.uid, account.gid);
}

/** A name beside `target` to work under until a rename makes it `target`; it tells whose it is. */
export function workName(target: string): string {
  return `${target}.new-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Removes the work folders or files for `target` that a killed process left behind. */
export function sweepWork(target: string): void {
  const prefix = `${basename(target)}.new-`;
  for (const name of readdirSync(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    // Best effort: an orphaned initdb may still be writing there, and the next start sweeps again.
    if (!isAlive(Number.parseInt(name.slice(prefix.length), 10))) removeQuietly(join(dirname(target), name));
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
