import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** The operating-system user that PostgreSQL runs as, where that is not the user of this process. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

// `_postgres` is the name on macOS, where `nobody` has a negative id that chown() does not take.
const CANDIDATES = ['postgres', '_postgres', 'nobody'];

/** Whether this process is root, as which PostgreSQL refuses to run. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * The account to run PostgreSQL as: undefined means "as we are". An existing cluster keeps its owner, because the
 * best candidate can change between two starts (Debian's package adds `postgres`) and PostgreSQL insists on owning
 * its files.
 */
export function chooseAccount(cluster?: string): Account | undefined {
  if (!isRoot()) return undefined;
  const owner = cluster === undefined ? undefined : statSync(cluster);
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : unprivilegedAccount();
}

function unprivilegedAccount(): Account {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of CANDIDATES) {
    const user = users.find(([login]) => login === name);
    if (user && Number(user[2]) > 0) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(
    'PostgreSQL does not run as root, and /etc/passwd has neither "postgres" nor "nobody" to run it as. ' +
      'Start Throughline as a normal user, or set DATABASE_URL.',
  );
}

/**
 * Whether the account can enter a folder. It is tried, not computed from mode bits, so that access control lists,
 * mount options and security modules count too.
 *
 * @throws when this process may not change to the account at all, as in some containers
 */
export function canEnter(folder: string, account: Account | undefined): boolean {
  if (!account) return true;
  const { status, error } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  if (error) {
    throw new Error(
      `PostgreSQL does not run as root, and becoming user ${account.uid} failed (${error.message}). ` +
        'Start Throughline as a normal user, or set DATABASE_URL.',
    );
  }
  return status === 0;
}
