import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** The operating-system user that PostgreSQL runs as, where that is not the user of this process. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

// `_postgres` is the name on macOS, where `nobody` has a negative id that chown() does not take.
const CANDIDATES = ['postgres', '_postgres', 'nobody'];
const ADVICE = 'Start Throughline as a normal user, or set DATABASE_URL.';

/** Whether this process is root, as which PostgreSQL refuses to run. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** The account for a new cluster: undefined means "as this process". */
export function chooseAccount(): Account | undefined {
  if (!isRoot()) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of CANDIDATES) {
    const user = users.find(([login]) => login === name);
    if (user && Number(user[2]) > 0) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(
    `PostgreSQL does not run as root, and /etc/passwd has neither "postgres" nor "nobody" to run it as. ${ADVICE}`,
  );
}

/**
 * The account of a cluster that exists: its owner, because the best candidate can change between two starts (Debian's
 * package adds `postgres`), and PostgreSQL insists on owning its files.
 */
export function ownerOf(cluster: string): Account | undefined {
  const { uid, gid } = statSync(cluster);
  if (isRoot() && uid === 0) {
    throw new Error(`The database in ${cluster} belongs to root, as which PostgreSQL does not run: chown -R it back.`);
  }
  if (!isRoot() && process.geteuid && uid !== process.geteuid()) {
    throw new Error(`The database in ${cluster} belongs to user ${uid}: start Throughline as that user, or as root.`);
  }
  return isRoot() ? { uid, gid } : undefined;
}

/**
 * Whether the account can enter a folder. It is tried, not computed from mode bits, so that access control lists,
 * mount options and security modules count too.
 *
 * @throws when this process may not change to the account at all, as in some containers
 */
export function canEnter(folder: string, account: Account | undefined): boolean {
  if (!account) return true;
  const options = { ...account, cwd: '/', stdio: 'ignore' } as const;
  const { status, error } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], options);
  if (!error) return status === 0;
  throw new Error(
    `PostgreSQL does not run as root, and becoming user ${account.uid} failed (${error.message}). ${ADVICE}`,
  );
}
