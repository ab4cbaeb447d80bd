import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isRoot } from './account';
import { SHARED_FOLDER, errorCode, makeFolder, sweepWork, syncFolder, workName } from './files';

/** The folder of a database: the password, the log, and the cluster or a link to it. */
export interface DataFolder {
  readonly path: string;
  readonly password: string;
  /** `postgres/` in the folder. */
  readonly cluster: string;
  /** Where the cluster goes when PostgreSQL's account cannot reach the folder. */
  readonly remoteCluster: string;
  readonly logFile: string;
}

interface NewDataFolder extends DataFolder {
  /** The end of a restore: from here on the folder is one. */
  keepPassword(): void;
}

/**
 * Opens or makes the data folder. The password is on disk for good before there is a cluster that needs it.
 *
 * @throws when the folder holds a cluster, but its password is gone
 */
export function openDataFolder(dataDir: string): DataFolder {
  const path = resolve(dataDir);
  // As root, PostgreSQL's account passes through to its cluster, but sees no other file.
  makeFolder(path, isRoot() ? 0o711 : 0o700);
  const [cluster, file] = [join(path, 'postgres'), join(path, 'password')];
  if (!lstatSync(file, { throwIfNoEntry: false })) {
    if (lstatSync(cluster, { throwIfNoEntry: false })) {
      throw new Error(`${cluster} holds a database, but its password is gone: put ${file} back.`);
    }
    // 32 random bytes, safe in a URL.
    keepPassword(file, randomBytes(32).toString('base64url'));
  }
  return dataFolder(path, readFileSync(file, 'utf8').trim());
}

/**
 * The data folder that a restore makes.
 * @throws when there is one already
 */
export function newDataFolder(dataDir: string, password: string): NewDataFolder {
  const path = resolve(dataDir);
  const file = join(path, 'password');
  const there = [file, join(path, 'postgres')].find((entry) => lstatSync(entry, { throwIfNoEntry: false }));
  if (there) throw new Error(`${there} exists already: a restore replaces nothing. Set DATA_DIR to a new folder.`);
  makeFolder(path, isRoot() ? 0o711 : 0o700);
  return { ...dataFolder(path, password), keepPassword: () => keepPassword(file, password) };
}

function dataFolder(path: string, password: string): DataFolder {
  const remoteCluster = join(SHARED_FOLDER, `${shortHash(path)}-${shortHash(password)}`);
  return { path, cluster: join(path, 'postgres'), password, remoteCluster, logFile: join(path, 'postgres.log') };
}

/** Writes it for good, unless another start was quicker. */
function keepPassword(file: string, password: string): void {
  sweepWork(file);
  const work = workName(file);
  const descriptor = openSync(work, 'wx', 0o600);
  writeSync(descriptor, `${password}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  try {
    linkSync(work, file); // Unlike a rename, it leaves the password of a start that was quicker.
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(work, { force: true });
  }
  syncFolder(dirname(file));
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
