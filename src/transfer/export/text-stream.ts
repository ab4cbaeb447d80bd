import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';

/** Writes a piece of text, or its bytes; waits while the reader is behind. @throws when the reader has gone, or takes nothing for too long */
export type Write = (text: string | Buffer) => Promise<void>;

/** What waits for the reader, in bytes. */
const AHEAD = 256 * 1024;

/** The reader of an export took nothing for so long that it is given up: it may be holding a connection to the database. */
const STALL_MS = 60_000;

/**
 * A stream of the text that `work` writes, never far ahead of its reader. When the reader goes away, the next write fails;
 * `gone` is aborted; when `work` fails, the stream breaks off.
 */
export function textStream(work: (write: Write, gone: AbortSignal) => Promise<void>): Readable {
  const stream = new PassThrough({ highWaterMark: AHEAD });
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  const write: Write = async (text) => {
    gone.signal.throwIfAborted();
    if (text.length === 0 || stream.write(text)) return;
    await once(stream, 'drain', { signal: AbortSignal.any([gone.signal, AbortSignal.timeout(STALL_MS)]) });
  };
  work(write, gone.signal).then(
    () => stream.end(),
    (error: Error) => stream.destroy(gone.signal.aborted ? undefined : error),
  );
  return stream;
}
