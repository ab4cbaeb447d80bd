import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
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
    createPassword(file);
    syncFolder(path);
  }
  const password = readFileSync(file, 'utf8').trim();
  const remoteCluster = join(SHARED_FOLDER, `${shortHash(path)}-${shortHash(password)}`);
  return { path, cluster, password, remoteCluster, logFile: join(path, 'postgres.log') };
}

/** 32 random bytes, safe in a URL. */
function createPassword(file: string): void {
  sweepWork(file);
  const work = workName(file);
  const descriptor = openSync(work, 'wx', 0o600);
  writeSync(descriptor, `${randomBytes(32).toString('base64url')}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  try {
    linkSync(work, file); // Unlike a rename, it leaves the password of a start that was quicker.
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(work, { force: true });
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
