import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMetrics, ToPrimary, ToWorker } from './messages';

/** Longer than the first process waits for its workers. */
const ANSWER_LIMIT_MS = 5000;

/** A worker's line to the first process, which has started it. */
export class WorkerLink {
  /** The URL of the database, once the first process says to serve from it. */
  readonly database: Promise<string>;
  private readonly asked = new Map<number, (text: string) => void>();
  private questions = 0;
  private collect: () => Promise<ProcessMetrics> = () => Promise.resolve([]);
  private end: (reason: string) => void = () => undefined;

  constructor(private readonly worker: Worker) {
    this.database = new Promise((resolve) => {
      worker.on('message', (message: ToWorker) => {
        if (message.kind === 'serve') resolve(message.database);
        else if (message.kind === 'stop') this.end('the instance ends');
        else if (message.kind === 'collect') void this.handOver();
        else this.asked.get(message.id)?.(message.text);
      });
    });
    worker.once('disconnect', () => {
      // Otherwise node ends this process on the spot, with the requests under way.
      worker.exitedAfterDisconnect = true;
      this.end('the first process is gone');
    });
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
    // Without an answer, the others would be waited for in vain.
    const metrics = await this.collect().catch(() => []);
    this.tell({ kind: 'collected', metrics });
  }

  private tell(message: ToPrimary): void {
    if (this.worker.isConnected()) this.worker.send(message, () => undefined);
  }
}

/** In a worker, its link; in the one process of an instance without workers, or in the first, nothing. */
export const workerLink = cluster.worker && new WorkerLink(cluster.worker);
