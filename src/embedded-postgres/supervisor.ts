import type { ProgramOptions } from './commands';

/** What a supervisor is to do, sent to it once its folder is there. */
export interface SupervisorOrders {
  /** Run one after the other; the last is the server. */
  readonly programs: readonly { readonly file: string; readonly args: readonly string[] }[];
  readonly options: ProgramOptions;
  /** Where they write to. */
  readonly logFile: string;
}

/**
 * The program of the process that owns a throw-away server. Its argument is the folder to remove at the end, its
 * first message the orders. When its channel to us closes, which the system does however we end, it stops what runs
 * and removes the folder. It tells us only that a program failed; the folder stays until we have read the log.
 *
 * It is text for `node -e`, because there is no file to run: under jest, these sources are never compiled to disk.
 */
export const SUPERVISOR = String.raw`
const { spawn } = require('node:child_process');
const { openSync, rmSync } = require('node:fs');
const folder = process.argv[1];
let orders;
let output;
let running;
let closing = false;

function runNext() {
  const program = orders.programs.shift();
  running = spawn(program.file, program.args, { ...orders.options, stdio: ['ignore', output, output] });
  running.once('error', (error) => ended(error.message));
  running.once('exit', (code, signal) => ended(code === 0 ? undefined : 'exit ' + (code ?? signal)));
}

function ended(failure) {
  running = undefined;
  if (closing) return leave();
  if (failure === undefined && orders.programs.length > 0) return runNext();
  process.send({ failure: failure ?? 'it ended' }, () => {}); // Nobody may be there to hear it.
}

function close() {
  if (closing) return;
  closing = true;
  if (!running) return leave();
  running.kill('SIGQUIT');
  setTimeout(() => running?.kill('SIGKILL'), 10000).unref();
}

function leave() {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  } finally {
    process.exit();
  }
}

process.once('message', (message) => {
  orders = message;
  output = openSync(orders.logFile, 'a', 0o600);
  runNext();
});
for (const event of ['disconnect', 'uncaughtException', 'SIGINT', 'SIGTERM', 'SIGHUP']) process.on(event, close);
`;
