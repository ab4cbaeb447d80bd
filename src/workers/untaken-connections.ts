import type { Worker } from 'node:cluster';

interface Handle {
  close(): void;
}

/** What node's cluster says to a worker, and the worker's answer to it. */
interface Internal {
  act?: string;
  seq?: number;
  ack?: number;
}

/**
 * Closes the connections that were on their way to a worker when it ended. Node waits for the worker to take each of
 * them, and forgets those of a worker that never will: their clients would wait for an answer until they give up.
 */
export function closeUntaken(worker: Worker): void {
  const child = worker.process;
  const underWay = new Map<number, Handle>();
  const send = child.send.bind(child) as (message: Internal, handle?: unknown, ...rest: unknown[]) => boolean;
  const watch = (message: Internal, handle?: unknown, ...rest: unknown[]) => {
    if (message.act === 'newconn' && message.seq !== undefined && handle) underWay.set(message.seq, handle as Handle);
    return send(message, handle, ...rest);
  };
  Object.assign(child, { send: watch });
  child.on('internalMessage', ({ ack }: Internal) => {
    if (ack !== undefined) underWay.delete(ack);
  });
  child.once('exit', () => {
    for (const handle of underWay.values()) handle.close();
    underWay.clear();
  });
}
