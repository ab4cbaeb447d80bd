import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMetrics, Served, ToPrimary, ToWorker } from './worker-messages';

/** Longer than the first process waits for its workers. */
const ANSWER_LIMIT_MS = 5000;

/** The last argument of a worker of ours: somebody else's cluster, such as PM2's, may have started the first process. */
export const WORKER_ARGUMENT = 'worker';

/** A worker's line to the first process, which has started it. */
export class WorkerLink {
  /** Once the first process says to serve. */
  readonly served: Promise<Served>;
  private readonly asked = new Map<number, (text: string) => void>();
  private questions = 0;
  private collect: () => Promise<ProcessMetrics | undefined> = () => Promise.resolve(undefined);
  private end: (reason: string) => void = () => undefined;

  constructor(private readonly worker: Worker) {
    this.served = new Promise((resolve) => {
      worker.on('message', (message: ToWorker) => {
        if (message.kind === 'serve') resolve(message);
        else if (message.kind === 'stop') this.end('the instance ends');
        else if (message.kind === 'collect') void this.handOver();
        else this.asked.get(message.id)?.(message.text);
      });
    });
    // What can't be sent any more: the first process is gone, and the next event says so.
    worker.on('error', () => undefined);
    worker.once('disconnect', () => {
      // Otherwise node ends this process on the spot, with the requests under way.
      worker.exitedAfterDisconnect = true;
      this.end('the first process is gone');
    });
    this.tell({ kind: 'up' });
  }

  /** @param end what ends this process, when the instance ends or the first process is gone */
  onEnd(end: (reason: string) => void): void {
    this.end = end;
  }

  /** Requests may come. */
  ready(url: string): void {
    this.tell({ kind: 'ready', url });
  }

  /** @param collect reads the metrics of this process */
  offerMetrics(collect: () => Promise<ProcessMetrics>): void {
    this.collect = collect;
  }

  /** The metrics of all processes of the instance, in Prometheus' text format. */
  async metrics(): Promise<string> {
    const id = (this.questions += 1);
    const timer = new AbortController();
    const answer = new Promise<string>((resolve) => this.asked.set(id, resolve));
    const limit = sleep(ANSWER_LIMIT_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    try {
      this.tell({ kind: 'metrics', id });
      const text = await Promise.race([answer, limit]);
      if (text === undefined) throw new Error('The first process did not answer');
      return text;
    } finally {
      timer.abort();
      this.asked.delete(id);
    }
  }

  private async handOver(): Promise<void> {
    // Without any, those that it had before count on: sums must not fall.
    const metrics = await this.collect().catch(() => undefined);
    this.tell({ kind: 'collected', metrics });
  }

  private tell(message: ToPrimary): void {
    if (this.worker.isConnected()) this.worker.send(message, () => undefined);
  }
}

const isOurs = process.argv.at(-1) === WORKER_ARGUMENT;

/** In a worker, its link; in the one process of an instance without workers, or in the first, nothing. */
export const workerLink = cluster.worker && isOurs ? new WorkerLink(cluster.worker) : undefined;

/** Whether this process was started by somebody else's cluster: it can't have workers of its own, and its port is shared. */
export const inForeignCluster = cluster.isWorker && !isOurs;
