import type { Account } from './account';
import type { Binaries } from './binaries';

/** The superuser of an embedded server, and the only role that it starts with. */
export const SUPERUSER = 'throughline';

/** The only address that an embedded server listens on. */
export const HOST = '127.0.0.1';

/** How to start PostgreSQL's programs, for `child_process`. */
interface ProgramOptions extends Partial<Account> {
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly windowsHide: boolean;
}

/**
 * Nothing of our own environment: a PGPORT or LD_LIBRARY_PATH there would change what runs.
 *
 * @param staleProcess a process id in `postmaster.pid` that is known not to be a server. PostgreSQL takes it for
 *   one of its own ancestors and so for stale, and still looks for survivors of the old server; deleting the file
 *   ourselves would lose that.
 */
export function programOptions(binaries: Binaries, account?: Account, staleProcess?: number): ProgramOptions {
  return {
    ...account,
    cwd: binaries.folder,
    env: {
      LC_ALL: 'C',
      PATH: '/usr/bin:/bin',
      TZ: 'UTC', // Spares initdb a search through all time zones.
      ...(staleProcess && { PG_GRANDPARENT_PID: String(staleProcess) }),
    },
    windowsHide: true,
  };
}

/** The arguments of initdb for a new cluster that lets nobody in without the password. */
export function initArguments(cluster: string, passwordFile: string): string[] {
  return [
    `--pgdata=${cluster}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
  ];
}

/** The arguments of the server; it starts with `-D <cluster> `, by which `servesCluster` knows it again. */
export function serverArguments(cluster: string, port: number, settings: Record<string, string> = {}): string[] {
  const all: Record<string, string> = {
    max_connections: '100',
    shared_buffers: '128MB',
    jit: 'off', // Compiling costs more than the short queries of a server take.
    ...settings,
    // Not to be overruled: the password is the only way in, and only from this machine.
    listen_addresses: HOST,
    port: String(port),
    unix_socket_directories: '',
    logging_collector: 'off',
  };
  return ['-D', cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
