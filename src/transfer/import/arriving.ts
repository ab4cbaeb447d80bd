import type { Readable } from 'node:stream';
import { commonErrors } from '../../common/errors';
import { transferErrors } from '../transfer.errors';

/** Who sends nothing for so long has gone, or means harm. */
const STALL_MS = 60_000;

/**
 * The pieces of a request's body, taken when they are wanted. The stream is left as it is at the end: destroyed, it would take
 * the answer along.
 * @throws IMPORT_STALLED, BAD_REQUEST when the client goes away
 */
export async function* arriving(stream: Readable): AsyncGenerator<Buffer, void> {
  const pieces = stream.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const next = await inTime(pieces.next());
    if (next.done) return;
    yield next.value;
  }
}

async function inTime<T>(piece: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(transferErrors.IMPORT_STALLED()), STALL_MS);
  });
  const arrived = piece.catch(() => {
    throw commonErrors.BAD_REQUEST('The connection ended before the import did.');
  });
  try {
    return await Promise.race([arrived, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
