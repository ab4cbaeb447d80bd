import { existsSync, readFileSync } from 'node:fs';
import type { ServerProcess } from './server-process';

interface LogLine {
  pid: number;
  msg?: string;
  [field: string]: unknown;
}

/** The log of a server and its workers, as far as it is written: the last line may be half of one. */
export const logOf = ({ output }: ServerProcess): LogLine[] =>
  output
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogLine);

/** The workers that have taken up service, the living and the dead. */
export const workersOf = (server: ServerProcess): number[] =>
  logOf(server)
    .filter(({ msg }) => msg?.startsWith('Server listening at'))
    .map(({ pid }) => pid);

/** Those that live. */
export const livingWorkersOf = (server: ServerProcess): number[] => workersOf(server).filter(isAlive);

/** What is dead and only not buried by its new parent is not alive. */
export function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  if (existsSync('/proc/self/stat')) {
    try {
      return !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
    } catch {
      return false;
    }
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
