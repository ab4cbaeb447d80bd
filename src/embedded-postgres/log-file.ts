import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';

const ROTATE_BYTES = 10_000_000;
const TAIL_BYTES = 4_000;

// What PostgreSQL says when another process got in first: a server on the same cluster, or on the same port.
const OVERTAKEN =
  /lock file "postmaster\.pid" (already exists|is empty)|pre-existing shared memory block|could not create any TCP\/IP sockets/;

/** The output of one run of the server, at the end of a log file that outlives it. */
export class LogFile {
  private start = 0;

  constructor(readonly path: string) {}

  /** Opens the file for one more run. The descriptor is the server's standard output; the caller closes it. */
  open(): number {
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > ROTATE_BYTES) renameSync(this.path, `${this.path}.old`);
    const descriptor = openSync(this.path, 'a', 0o600);
    this.start = fstatSync(descriptor).size;
    return descriptor;
  }

  /** The last lines that this run wrote. */
  tail(): string {
    if (!existsSync(this.path)) return '';
    const descriptor = openSync(this.path, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const from = Math.max(this.start, size - TAIL_BYTES);
      const buffer = Buffer.alloc(Math.max(0, size - from));
      readSync(descriptor, buffer, 0, buffer.length, from);
      return buffer.toString('utf8').trim();
    } finally {
      closeSync(descriptor);
    }
  }

  /** Whether the run failed only because another process was quicker, so that another try makes sense. */
  tellsOfOvertaking(): boolean {
    return OVERTAKEN.test(this.tail());
  }
}
