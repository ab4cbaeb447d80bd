import { PassThrough, type Readable } from 'node:stream';

/** What the answer's headers say of a body of server-sent events; the last one is for proxies that would collect them. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

export const EVENTS = 'text/event-stream';

/** Sends one event; after the client has gone away it does nothing. */
type Emit = (event: string, data: unknown, id?: string) => void;

/** Proxies close connections that are silent for a minute. */
const PING_MS = 15_000;

/** A client that has taken nothing for so long is cut off; one that is alive comes back. */
const STALLED_MS = 60_000;

/** A body of server-sent events (`text/event-stream`). */
export class EventStream {
  readonly body = new PassThrough();
  private readonly left = new AbortController();
  private readonly timer: NodeJS.Timeout;

  /** @param ping what is sent while there is nothing to say: a comment, or an id without an event */
  constructor(ping: () => string = () => ': still here\n\n') {
    this.timer = setInterval(() => this.body.writableNeedDrain || this.write(ping()), PING_MS);
    this.body.once('close', () => this.onClose());
    // Somebody who reads the body hears of its failure; without a reader nobody has to.
    this.body.on('error', () => undefined);
  }

  /** Aborted when the client goes away, and when the stream has ended. */
  get gone(): AbortSignal {
    return this.left.signal;
  }

  readonly send: Emit = (event, data, id) =>
    this.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

  write(text: string): void {
    if (this.body.writable) this.body.write(text);
  }

  /** Waits until the client has taken what was sent, or is gone: who waits here keeps no more than it has just sent. */
  async drained(): Promise<void> {
    if (!this.body.writableNeedDrain || this.gone.aborted) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => this.body.destroy(), STALLED_MS);
      const done = () => {
        clearTimeout(cut);
        this.body.off('drain', done).off('close', done);
        resolve();
      };
      this.body.on('drain', done).on('close', done);
    });
  }

  /** Ends the body once the client has taken what was sent; it has a minute for that. */
  end(): void {
    if (this.body.writableEnded || this.body.destroyed) return;
    this.body.end();
    const cut = setTimeout(() => this.body.destroy(), STALLED_MS).unref();
    this.body.once('close', () => clearTimeout(cut));
  }

  /** Breaks the answer off: the client sees an end that none was meant to be. */
  fail(error: Error): void {
    this.body.destroy(error);
  }

  private onClose(): void {
    clearInterval(this.timer);
    this.left.abort(new ClientGone());
  }
}

/**
 * A body of server-sent events from one piece of work.
 * @param work writes the events; its signal is aborted when the client goes away
 */
export function eventStream(work: (emit: Emit, signal: AbortSignal) => Promise<void>): Readable {
  const stream = new EventStream();
  // The head of the answer leaves with the first byte: a client shall see that it was heard, however long the model thinks.
  stream.write(': begun\n\n');
  work(stream.send, stream.gone).then(
    () => stream.end(),
    (error: Error) => stream.fail(error),
  );
  return stream.body;
}

/** Why work for a client was given up. */
export class ClientGone extends Error {
  constructor() {
    super('The client went away before it had the whole answer');
  }
}
