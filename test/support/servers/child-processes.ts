import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than a server takes to end with its database. */
const END_LIMIT_MS = 60_000;

const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));
// Jest's way to end a worker that does not end by itself, upon which nothing else would hear of the end.
process.once('SIGTERM', () => process.exit(143));

/** Sees to it that a process does not outlive this one. */
export function watchOver(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

export const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null;

/** Sends a signal and waits for the end; a process that does not heed it is killed. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const timer = new AbortController();
  const ended = once(child, 'exit').finally(() => timer.abort());
  child.kill(signal);
  const late = sleep(END_LIMIT_MS, undefined, { signal: timer.signal });
  void late.then(() => child.kill('SIGKILL')).catch(() => undefined);
  await ended;
}
