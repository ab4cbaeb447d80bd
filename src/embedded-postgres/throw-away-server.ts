import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Account, canEnter, chooseAccount } from './account';
import { type Binaries, prepareBinaries } from './binaries';
import { makePrivateFolder, writePasswordFile } from './data-cluster';
import { initArguments, programOptions, serverArguments } from './commands';
import { type Address, freePort, isServing } from './connection';
import { generatePassword } from './data-folder';
import { SHARED_FOLDER, makeFolder } from './files';
import { LogFile } from './log-file';
import { eventually, readPostmasterFile } from './postmaster';
import { SUPERVISOR, type SupervisorOrders } from './supervisor';
import type { EmbeddedOptions, RunningServer } from './types';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 20;
const ATTEMPTS = 3;

// Nothing here is to survive, not even the next second of a power cut.
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** One throw-away server in the making: its supervisor, which may report a failure, and where things are. */
interface Trial {
  readonly supervisor: ChildProcess;
  readonly cluster: string;
  readonly log: LogFile;
  failure?: string;
}

interface ServerOptions extends Address {
  readonly settings: Record<string, string>;
}

/** Starts a server on a fresh folder under a supervisor that removes both when this process ends. */
export async function startThrowAwayServer({ settings }: EmbeddedOptions): Promise<RunningServer> {
  const account = chooseAccount();
  const binaries = prepareBinaries(account);
  for (let attempt = 1; ; attempt += 1) {
    const address = { port: await freePort(), password: generatePassword() };
    const trial = startTrial(binaries, account, { ...address, settings: { ...NOT_DURABLE, ...settings } });
    const pid = await readyProcess(trial, address);
    if (pid !== undefined) return { ...address, pid, adopted: false, stop: () => stop(trial.supervisor) };
    const [tail, overtaken] = [trial.log.tail(), trial.log.tellsOfOvertaking()];
    await stop(trial.supervisor);
    if (!overtaken || attempt === ATTEMPTS) {
      throw new Error(
        `PostgreSQL did not start (${trial.failure ?? 'its supervisor ended, or it took too long'}). The end of its log:\n${tail}`,
      );
    }
  }
}

/** The supervisor comes before the folder: were we killed in between, nobody would remove it. */
function startTrial(binaries: Binaries, account: Account | undefined, options: ServerOptions): Trial {
  const folder = join(temporaryParent(account), `throughline-${randomBytes(8).toString('hex')}`);
  const supervisor = spawnSupervisor(folder, binaries.folder);
  const log = new LogFile(join(folder, 'postgres.log'));
  const trial: Trial = { supervisor, cluster: join(folder, 'postgres'), log };
  supervisor.once('error', (error) => (trial.failure = error.message));
  supervisor.on('message', (message) => (trial.failure = (message as { failure: string }).failure));
  try {
    makePrivateFolder(folder, account);
    const passwordFile = writePasswordFile(folder, options.password, account);
    const programs = [
      { file: binaries.initdb, args: [...initArguments(trial.cluster, passwordFile), '--no-sync'] },
      { file: binaries.postgres, args: serverArguments(trial.cluster, options.port, options.settings) },
    ];
    const orders: SupervisorOrders = { programs, options: programOptions(binaries, account), logFile: log.path };
    supervisor.send(orders, () => {}); // That nobody is there to read them, its exit tells.
    return trial;
  } catch (error) {
    supervisor.disconnect();
    throw error;
  }
}

function temporaryParent(account: Account | undefined): string {
  for (const parent of [tmpdir(), '/tmp', '/var/tmp']) if (canEnter(parent, account)) return parent;
  makeFolder(SHARED_FOLDER, 0o755);
  return SHARED_FOLDER;
}

function spawnSupervisor(folder: string, cwd: string): ChildProcess {
  const supervisor = spawn(process.execPath, ['-e', SUPERVISOR, folder], {
    cwd,
    env: {},
    detached: true, // Ctrl-C in a terminal is for us; the supervisor follows when our channel closes.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    windowsHide: true,
  });
  supervisor.unref();
  supervisor.channel?.unref();
  return supervisor;
}

/** Waits for the server; its process id, or undefined when it failed or took too long. */
async function readyProcess(trial: Trial, address: Address): Promise<number | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (trial.failure === undefined && !hasExited(trial.supervisor) && Date.now() < deadline) {
    const file = readPostmasterFile(trial.cluster);
    if (file?.status === 'ready' && (await isServing(address, trial.cluster).catch(() => false))) return file.pid;
    await delay(POLL_MS);
  }
  return undefined;
}

function hasExited(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function stop(supervisor: ChildProcess): Promise<void> {
  if (supervisor.connected) supervisor.disconnect();
  if (!(await eventually(() => hasExited(supervisor), STOP_TIMEOUT_MS))) {
    throw new Error(`The supervisor of PostgreSQL (process ${supervisor.pid}) did not stop.`);
  }
}
