import { execFile } from 'node:child_process';
import { chownSync, existsSync, lstatSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, canEnter, chooseAccount, ownerOf } from './account';
import { prepareBinaries } from './binaries';
import { initArguments, programOptions } from './commands';
import type { DataFolder } from './data-folder';
import {
  errorCode,
  makeFolder,
  makePrivateFolder,
  removeQuietly,
  SHARED_FOLDER,
  sweepWork,
  syncFolder,
  workName,
} from './files';

/** A cluster (PostgreSQL's word for a folder of databases) and the account that owns it. */
export interface Cluster {
  /** Without links, as the account may not be able to follow them. */
  readonly path: string;
  readonly account: Account | undefined;
}

interface Options {
  /** It need not survive a power cut. */
  readonly throwAway?: boolean;
  readonly log?: (message: string) => void;
}

/**
 * Finds the cluster of a data folder, or makes it: in the folder or, out of its account's reach, elsewhere.
 *
 * @throws when there is one that cannot be used: to start with an empty one would hide lost data
 */
export async function ensureCluster(folder: DataFolder, options: Options): Promise<Cluster> {
  if (!lstatSync(folder.cluster, { throwIfNoEntry: false })) await makeCluster(folder, options);
  if (!existsSync(folder.cluster)) {
    throw new Error(`${folder.cluster} is a link to nothing: put the database back, or remove the link to start anew.`);
  }
  const path = realpathSync(folder.cluster);
  const account = ownerOf(path);
  if (canEnter(path, account)) return { path, account };
  throw new Error(
    `PostgreSQL's user ${account?.uid} cannot reach the database in ${path}: move the folder to where it can, or ` +
      `move the database to ${SHARED_FOLDER} and link it from ${folder.cluster}.`,
  );
}

async function makeCluster(folder: DataFolder, options: Options): Promise<void> {
  const account = chooseAccount();
  if (canEnter(folder.path, account)) return createCluster(folder.cluster, folder.password, account, options);
  makeFolder(SHARED_FOLDER, 0o755);
  // A start that was killed before it made the link has left the cluster there.
  if (!existsSync(folder.remoteCluster)) {
    await createCluster(folder.remoteCluster, folder.password, account, options);
  }
  try {
    symlinkSync(folder.remoteCluster, folder.cluster);
    syncFolder(folder.path);
    options.log?.(
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
  { throwAway, log }: Options,
): Promise<void> {
  log?.(`Creating a PostgreSQL database in ${target}.`);
  const binaries = prepareBinaries(account);
  sweepWork(target);
  const work = workName(target);
  makePrivateFolder(work, account);
  try {
    const passwordFile = writePasswordFile(work, password, account);
    const args = [...initArguments(join(work, 'cluster'), passwordFile), ...(throwAway ? ['--no-sync'] : [])];
    await promisify(execFile)(binaries.initdb, args, programOptions(binaries, account));
    renameSync(join(work, 'cluster'), target);
    syncFolder(dirname(target));
  } catch (cause) {
    if (existsSync(target)) return; // Another start was quicker.
    const { stdout = '', stderr = '', message } = cause as Error & { stdout?: string; stderr?: string };
    const reason = `${stdout}${stderr}`.trim() || message;
    throw new Error(`PostgreSQL could not create its data folder:\n${reason}`, { cause });
  } finally {
    removeQuietly(work);
  }
}

/** Writes the file from which initdb takes the password; it is gone with its folder. */
export function writePasswordFile(folder: string, password: string, account: Account | undefined): string {
  const file = join(folder, 'initial-password');
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (account) chownSync(file, account.uid, account.gid);
  return file;
}
