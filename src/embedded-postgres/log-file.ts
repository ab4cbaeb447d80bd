import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';

const ROTATE_BYTES = 10_000_000;
const TAIL_LENGTH = 4_000;

// What PostgreSQL says when another process got in first: a server on the same cluster, or on the same port.
const OVERTAKEN =
  /lock file "postmaster\.pid" (already exists|is empty)|pre-existing shared memory block|could not create any TCP\/IP sockets/;

/** The output of one run of the server, at the end of a log file that outlives it. */
export class LogFile {
  private start = 0;

  constructor(readonly path: string) {}

  /** Lets one more run write to the file, by the descriptor of its standard output. */
  write<T>(run: (output: number) => T): T {
    this.start = this.size();
    if (this.start > ROTATE_BYTES) {
      renameSync(this.path, `${this.path}.old`);
      this.start = 0;
    }
    const output = openSync(this.path, 'a', 0o600);
    try {
      return run(output);
    } finally {
      closeSync(output);
    }
  }

  /** The last lines that this run wrote. */
  tail(): string {
    if (this.size() <= this.start) return '';
    return readFileSync(this.path).subarray(this.start).toString('utf8').slice(-TAIL_LENGTH).trim();
  }

  /** Whether the run failed only because another process was quicker, so that another try makes sense. */
  tellsOfOvertaking(): boolean {
    return OVERTAKEN.test(this.tail());
  }

  private size(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
