import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, canEnter, chooseAccount, isRoot } from './account';
import { type Binaries, prepareBinaries } from './binaries';
import { initArguments, programOptions } from './commands';
import type { DataFolder } from './data-folder';
import { errorCode, isOurs, makeFolder, removeQuietly, sweepWork, syncFolder, workName } from './files';
import { readPostmasterFile, servesCluster } from './postmaster';

/** A cluster (PostgreSQL's word for a folder of databases) and the account that owns it. */
export interface Cluster {
  /** Without links, as the account may not be able to follow them. */
  readonly path: string;
  readonly account: Account | undefined;
}

/** Finds the cluster of a data folder, or makes it: in the folder or, out of its account's reach, elsewhere. */
export async function ensureCluster(folder: DataFolder, log: (message: string) => void): Promise<Cluster> {
  if (holdsCluster(folder.cluster)) return existingCluster(folder, log);
  const account = chooseAccount();
  const place = canEnter(folder.path, account) ? folder.cluster : openRemotePlace(folder);
  if (place !== folder.cluster) reportAbandoned(folder, log);
  // A start that was killed before it made the link has left the cluster there.
  if (!holdsCluster(place)) await createCluster(place, folder.password, account, log);
  if (place !== folder.cluster) linkRemote(folder, log);
  return { path: realpathSync(place), account: chooseAccount(place) };
}

/**
 * Whether there is a cluster at a path, links followed.
 *
 * @throws when it is another user's, or a link leads nowhere: starting empty would hide lost data
 */
function holdsCluster(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat && !isRoot() && process.geteuid && stat.uid !== process.geteuid()) {
    throw new Error(`The database in ${path} belongs to user ${stat.uid}: start Throughline as that user, or as root.`);
  }
  if (stat) return statSync(join(path, 'PG_VERSION'), { throwIfNoEntry: false }) !== undefined;
  if (!lstatSync(path, { throwIfNoEntry: false })) return false;
  throw new Error(
    `${path} is a link to ${readlinkSync(path)}, which is gone. Put the database back there, ` +
      'or remove the link to start with an empty one.',
  );
}

function existingCluster(folder: DataFolder, log: (message: string) => void): Cluster {
  const path = realpathSync(folder.cluster);
  // The files of a running server stay as they are: it is about to be adopted.
  const running = readPostmasterFile(path);
  if (running && servesCluster(running.pid, path)) return { path, account: chooseAccount(path) };
  const account = chooseAccount(path);
  if (account && statSync(path).uid === 0) giveTo(path, account);
  if (canEnter(path, account)) return { path, account };
  moveToRemotePlace(folder, path);
  linkRemote(folder, log);
  return { path: folder.remoteCluster, account };
}

/** For a cluster that was reachable once, as before its checkout was moved below somebody's home. */
function moveToRemotePlace(folder: DataFolder, path: string): void {
  try {
    if (lstatSync(folder.cluster).isSymbolicLink()) throw new Error(`${folder.cluster} is a link already`);
    renameSync(path, openRemotePlace(folder));
  } catch (cause) {
    throw new Error(
      `PostgreSQL's user ${statSync(path).uid} cannot reach the database in ${path}, and it could not be moved to ` +
        `${folder.remoteCluster} (${(cause as Error).message}).`,
      { cause },
    );
  }
}

/** For a cluster that root copied back from a backup: PostgreSQL insists on an owner and a mode. */
function giveTo(path: string, { uid, gid }: Account): void {
  chmodSync(path, 0o700);
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) lchownSync(join(path, name), uid, gid);
  chownSync(path, uid, gid);
}

function openRemotePlace(folder: DataFolder): string {
  const parent = dirname(folder.remoteCluster);
  makeFolder(parent, 0o755);
  if (!isOurs(parent)) throw new Error(`${parent} is not root's alone to write: PostgreSQL's data cannot go there.`);
  return folder.remoteCluster;
}

/** Tells of databases whose data folder, at the same path, was deleted: only their owner knows whether they matter. */
function reportAbandoned({ remoteCluster }: DataFolder, log: (message: string) => void): void {
  const [parent, name] = [dirname(remoteCluster), basename(remoteCluster)];
  const prefix = name.slice(0, name.indexOf('-') + 1);
  const abandoned = readdirSync(parent).filter((other) => other.startsWith(prefix) && !other.startsWith(name));
  for (const other of abandoned) log(`${join(parent, other)} is left of a data folder that was deleted.`);
}

function linkRemote(folder: DataFolder, log: (message: string) => void): void {
  try {
    symlinkSync(folder.remoteCluster, folder.cluster);
    syncFolder(folder.path);
    log(
      `PostgreSQL does not run as root, and no other user can reach ${folder.path}: ` +
        `its data is in ${folder.remoteCluster}, linked from ${folder.cluster}.`,
    );
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error; // Another start was quicker to the same link.
  }
}

/** Makes a cluster under a temporary name, so that a kill in between leaves nothing that looks like one. */
async function createCluster(
  target: string,
  password: string,
  account: Account | undefined,
  log: (message: string) => void,
): Promise<void> {
  log(`Creating a PostgreSQL database in ${target}.`);
  const binaries = prepareBinaries(account);
  sweepWork(target);
  const work = workName(target);
  makePrivateFolder(work, account);
  try {
    const passwordFile = writePasswordFile(work, password, account);
    await runInitdb(binaries, initArguments(join(work, 'cluster'), passwordFile), account);
    renameSync(join(work, 'cluster'), target);
    syncFolder(dirname(target));
  } catch (error) {
    const lostRace = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(errorCode(error) ?? '') && holdsCluster(target);
    if (!lostRace) throw error;
  } finally {
    removeQuietly(work);
  }
}

/** Makes a folder that only PostgreSQL's account may enter. */
export function makePrivateFolder(path: string, account: Account | undefined): void {
  mkdirSync(path, { mode: 0o700 });
  if (account) chownSync(path, account.uid, account.gid);
}

/** Writes the file from which initdb takes the password; it is gone with its folder. */
export function writePasswordFile(folder: string, password: string, account: Account | undefined): string {
  const file = join(folder, 'initial-password');
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (account) chownSync(file, account.uid, account.gid);
  return file;
}

async function runInitdb(binaries: Binaries, args: string[], account: Account | undefined): Promise<void> {
  try {
    await promisify(execFile)(binaries.initdb, args, programOptions(binaries, account));
  } catch (cause) {
    const { stdout = '', stderr = '', message } = cause as Error & { stdout?: string; stderr?: string };
    throw new Error(`PostgreSQL could not create its data folder:\n${`${stdout}${stderr}`.trim() || message}`, {
      cause,
    });
  }
}
