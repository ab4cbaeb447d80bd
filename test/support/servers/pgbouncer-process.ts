/**
 * The real PgBouncer in transaction mode, in front of a PostgreSQL of the tests.
 *
 *     const bouncer = await PgBouncerProcess.create(database.url, { default_pool_size: '5' });
 *     const server = await startServer({ DATABASE_URL: bouncer.url });
 *     await bouncer.kill();
 *     await bouncer.start();
 *     await bouncer.remove();
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chooseAccount } from '../../../src/embedded-postgres/account';
import { freePort } from '../../../src/embedded-postgres/connection';
import { endProcess, watchOver } from './child-processes';
import { eventually } from '../world/events';
import { acceptsConnections } from './postgres-process';

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
const PROGRAM = FOLDERS.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path));

const START_TIMEOUT_MS = 120_000;

/** Its version, such as 1.18; undefined where it is not installed. */
export function pgBouncerVersion(): string | undefined {
  if (!PROGRAM) return undefined;
  const text = execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return /PgBouncer (\d+\.\d+)/.exec(text)?.[1];
}

/** Whether a version is this one or a later one: 1.9 is earlier than 1.21. */
export function isAtLeast(version: string | undefined, major: number, minor: number): boolean {
  if (version === undefined) return false;
  const [itsMajor, itsMinor] = version.split('.').map(Number);
  return itsMajor > major || (itsMajor === major && itsMinor >= minor);
}

export class PgBouncerProcess {
  private log = '';
  private child?: ChildProcess;
  // As PostgreSQL, it does not run as root.
  private readonly account = chooseAccount();

  private constructor(
    /** The same database by way of the pooler. */
    readonly url: string,
    private readonly folder: string,
  ) {}

  /** @param target of a database; the pooler logs in as its user, whoever comes */
  static async create(target: string, settings: Record<string, string> = {}): Promise<PgBouncerProcess> {
    const url = new URL(target);
    const port = String(await freePort());
    const folder = mkdtempSync(join(tmpdir(), 'throughline-pgbouncer-'));
    const text = configuration(url, { ...settings, listen_port: port });
    Object.assign(url, { hostname: '127.0.0.1', port });
    const bouncer = new PgBouncerProcess(url.toString(), folder);
    bouncer.configure(text);
    await bouncer.start();
    return bouncer;
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM!, [this.file], { ...this.account, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    watchOver(child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.log += chunk));
    this.child = child;
    await eventually(() => this.isServing(child), START_TIMEOUT_MS).catch(async () => {
      await this.remove();
      throw new Error(`PgBouncer did not start:\n${this.log}`);
    });
  }

  /** Ends it on the spot, and all connections through it. */
  async kill(): Promise<void> {
    if (this.child) await endProcess(this.child, 'SIGKILL');
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get file(): string {
    return join(this.folder, 'pgbouncer.ini');
  }

  private configure(text: string): void {
    writeFileSync(this.file, text, { mode: 0o600 });
    const { account } = this;
    if (account) for (const path of [this.folder, this.file]) chownSync(path, account.uid, account.gid);
  }

  private async isServing(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error('It has ended');
    return acceptsConnections(this.url);
  }
}

function configuration(target: URL, settings: Record<string, string>): string {
  const quote = (text: string) => `'${decodeURIComponent(text).replaceAll("'", "''")}'`;
  const login = [`user=${quote(target.username)}`, ...(target.password ? [`password=${quote(target.password)}`] : [])];
  const all = {
    listen_addr: '127.0.0.1',
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: 'transaction',
    max_client_conn: '500',
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
  return `[databases]\n* = host=${target.hostname} port=${target.port} ${login.join(' ')}\n\n[pgbouncer]\n${lines.join('\n')}\n`;
}
