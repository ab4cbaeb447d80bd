import { PassThrough, type Readable } from 'node:stream';

/** Sends one event; after the client has gone away it does nothing. */
export type Emit = (event: string, data: unknown) => void;

/** Proxies close connections that are silent for a minute. */
const PING_MS = 15_000;

/**
 * A body of server-sent events (`text/event-stream`).
 * @param work writes the events; its signal is aborted when the client goes away
 */
export function eventStream(work: (emit: Emit, signal: AbortSignal) => Promise<void>): Readable {
  const stream = new PassThrough();
  const gone = new AbortController();
  const write = (text: string) => {
    if (stream.writable) stream.write(text);
  };
  const ping = setInterval(() => write(': still here\n\n'), PING_MS);
  stream.once('close', () => {
    clearInterval(ping);
    gone.abort(new ClientGone());
  });
  // The head of the answer leaves with the first byte: a client shall see that it was heard, however long the model thinks.
  write(': begun\n\n');
  const emit: Emit = (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  work(emit, gone.signal).then(
    () => stream.end(),
    (error: Error) => stream.destroy(error),
  );
  return stream;
}

/** Why work for a client was given up. */
export class ClientGone extends Error {
  constructor() {
    super('The client went away before it had the whole answer');
  }
}
