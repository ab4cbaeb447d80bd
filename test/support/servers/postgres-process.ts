/**
 * A PostgreSQL of the test's own, to be killed and started again on the same data and the same port.
 *
 *     const postgres = await PostgresProcess.create();
 *     const server = await startServer({ DATABASE_URL: postgres.url });
 *     await postgres.kill();                                    // SIGKILL, as a power cut of the database
 *     await postgres.start();
 *     await postgres.demote();                                  // a standby: it reads and writes nothing
 *     await postgres.promote();
 *     await postgres.remove();
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { chooseAccount } from '../../../src/embedded-postgres/account';
import { type Binaries, prepareBinaries } from '../../../src/embedded-postgres/binaries';
import { writePasswordFile } from '../../../src/embedded-postgres/data-cluster';
import { initArguments, programOptions, serverArguments } from '../../../src/embedded-postgres/commands';
import { connectionString, ensureDatabase, freePort } from '../../../src/embedded-postgres/connection';
import { makePrivateFolder } from '../../../src/embedded-postgres/files';
import { readPostmasterFile } from '../../../src/embedded-postgres/postmaster';
import { endProcess, watchOver } from './child-processes';

const START_TIMEOUT_MS = 120_000;

export class PostgresProcess {
  private child?: ChildProcess;
  readonly account = chooseAccount();
  readonly password = randomBytes(12).toString('hex');
  readonly cluster: string;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly settings: Record<string, string>,
    private readonly binaries: Binaries,
  ) {
    this.cluster = join(folder, 'work', 'cluster');
  }

  /** Makes a cluster with the empty database `throughline`, and starts it. Durable: it is there to survive kills. */
  static async create(
    settings: Record<string, string> = {},
    timeoutMs?: number,
    binaries = prepareBinaries(chooseAccount()),
  ): Promise<PostgresProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-postgres-'));
    chmodSync(folder, 0o755);
    const postgres = new PostgresProcess(folder, await freePort(), settings, binaries);
    try {
      postgres.init();
      await postgres.start(timeoutMs);
      await ensureDatabase(postgres, 'throughline');
      return postgres;
    } catch (error) {
      await postgres.remove();
      throw error;
    }
  }

  get url(): string {
    return connectionString(this, 'throughline');
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async start(timeoutMs = START_TIMEOUT_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    this.launch();
    while (!(await this.isServing())) {
      if (Date.now() > deadline) throw new Error('PostgreSQL did not start');
      // After a kill, what is left of the old server holds on to the data for a moment, and the new one refuses.
      if (this.child?.exitCode != null) this.launch();
      await sleep(50);
    }
  }

  /** Kills the postmaster; its children notice within milliseconds, and end by themselves. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
    await sleep(200);
  }

  /** A fast shutdown: clients are disconnected, nothing is lost. */
  stop(): Promise<void> {
    return this.end('SIGINT');
  }

  /** Starts it again as a standby of a primary that it does not find. */
  async demote(): Promise<void> {
    await this.stop();
    writeFileSync(join(this.cluster, 'standby.signal'), '');
    await this.start();
  }

  async promote(): Promise<void> {
    const client = new Client({ connectionString: this.url });
    await client.connect();
    await client.query('SELECT pg_promote()').finally(() => client.end());
  }

  /** Stops it and removes its data. */
  async remove(): Promise<void> {
    await this.end('SIGQUIT');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }

  private launch(): void {
    const args = serverArguments(this.cluster, this.port, this.settings);
    const child = spawn(this.binaries.postgres, args, { ...this.options(), stdio: 'ignore' });
    watchOver(child);
    this.child = child;
  }

  private init(): void {
    const work = join(this.folder, 'work');
    makePrivateFolder(work, this.account);
    const passwordFile = writePasswordFile(work, this.password, this.account);
    const args = [...initArguments(this.cluster, passwordFile), '--no-sync'];
    execFileSync(this.binaries.initdb, args, { ...this.options(), stdio: 'ignore' });
  }

  private options() {
    return programOptions(this.binaries, this.account);
  }

  private async isServing(): Promise<boolean> {
    if (readPostmasterFile(this.cluster)?.pid !== this.child?.pid) return false;
    return acceptsConnections(connectionString(this, 'postgres'));
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child) await endProcess(this.child, signal);
  }
}

/** Whether a PostgreSQL, or a pooler before one, lets somebody in. */
export async function acceptsConnections(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  return client
    .connect()
    .then(() => true)
    .catch(() => false)
    .finally(() => client.end().catch(() => undefined));
}
