import { execFile } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, canEnter, chooseAccount, ownerOf } from './account';
import { packagedMajor, prepareBinaries } from './binaries';
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

/** Makes the content of a new cluster, at a path in a folder that belongs to the account. */
type Fill = (cluster: string, account: Account | undefined) => Promise<void>;

interface Placing {
  readonly fill: Fill;
  readonly log?: (message: string) => void;
}

interface Options {
  /** Of a server that ran: a cluster that is missing then is no reason to make an empty one. */
  readonly port?: number;
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
  if (!lstatSync(folder.cluster, { throwIfNoEntry: false })) {
    if (options.port !== undefined) throw new Error(`The database in ${folder.cluster} is gone.`);
    const init: Fill = (cluster, account) => initialize(cluster, folder.password, account, options);
    await placeCluster(folder, { log: options.log, fill: init });
  }
  if (!existsSync(folder.cluster)) {
    throw new Error(`${folder.cluster} is a link to nothing: put the database back, or remove the link to start anew.`);
  }
  const path = realpathSync(folder.cluster);
  const account = ownerOf(path);
  assertVersion(path);
  if (canEnter(path, account)) return { path, account };
  throw new Error(
    `PostgreSQL's user ${account?.uid} cannot reach the database in ${path}: move the folder to where it can, or ` +
      `move the database to ${SHARED_FOLDER} and link it from ${folder.cluster}.`,
  );
}

/** Files of a newer or older PostgreSQL are refused by this one, in words that do not say what to do. */
function assertVersion(cluster: string): void {
  const version = Number.parseInt(readFileSync(join(cluster, 'PG_VERSION'), 'utf8'), 10);
  if (version === packagedMajor()) return;
  throw new Error(
    `The database in ${cluster} is of PostgreSQL ${version}, whose files PostgreSQL ${packagedMajor()} does not read: ` +
      `start it with a PostgreSQL ${version} and move it by a dump, as docs/operations/upgrade.md says.`,
  );
}

/** Puts a cluster into the data folder or, where PostgreSQL's account cannot reach it, elsewhere with a link to it. */
export async function placeCluster(folder: DataFolder, options: Placing): Promise<void> {
  const account = chooseAccount();
  if (canEnter(folder.path, account)) return createCluster(folder.cluster, account, options);
  makeFolder(SHARED_FOLDER, 0o755);
  // A start that was killed before it made the link has left the cluster there.
  if (!existsSync(folder.remoteCluster)) {
    await createCluster(folder.remoteCluster, account, options);
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
async function createCluster(target: string, account: Account | undefined, { fill, log }: Placing): Promise<void> {
  log?.(`Creating a PostgreSQL database in ${target}.`);
  sweepWork(target);
  const work = workName(target);
  makePrivateFolder(work, account);
  try {
    await fill(join(work, 'cluster'), account);
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

async function initialize(
  cluster: string,
  password: string,
  account: Account | undefined,
  { throwAway }: Options,
): Promise<void> {
  const binaries = prepareBinaries(account);
  const passwordFile = writePasswordFile(dirname(cluster), password, account);
  const args = [...initArguments(cluster, passwordFile), ...(throwAway ? ['--no-sync'] : [])];
  await promisify(execFile)(binaries.initdb, args, programOptions(binaries, account));
}

/** Writes the file from which initdb takes the password; it is gone with its folder. */
export function writePasswordFile(folder: string, password: string, account: Account | undefined): string {
  const file = join(folder, 'initial-password');
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (account) chownSync(file, account.uid, account.gid);
  return file;
}
