import type { Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { AggregatorRegistry } from 'prom-client';
import type { ProcessMetrics, ToWorker } from './worker-messages';

/** How long workers may take to hand over their metrics; of one that takes longer, the last ones count. */
const COLLECT_LIMIT_MS = 2000;

/** These may only rise, or Prometheus would take the end of one process for a restart of all. */
const LASTING = ['counter', 'histogram'];

/** The metrics of all workers as one: counters and histograms added up, gauges as each of them says. */
export class InstanceMetrics {
  private readonly newest = new Map<number, ProcessMetrics>();
  /** What those who are gone had counted, as far as it was ever asked for. */
  private departed: ProcessMetrics = [];
  private departing = Promise.resolve();
  private readonly waiting = new Map<number, () => void>();
  private round?: Promise<string>;

  /** In Prometheus' text format; who asks meanwhile gets the same. */
  read(workers: Worker[]): Promise<string> {
    this.round ??= this.collect(workers).finally(() => (this.round = undefined));
    return this.round;
  }

  /** What a worker has handed over; without anything, its last ones count. */
  take(worker: Worker, metrics: ProcessMetrics | undefined): void {
    if (metrics) this.newest.set(worker.id, metrics);
    this.answered(worker);
  }

  /** A worker is gone. */
  leave(worker: Worker): void {
    this.answered(worker);
    // What can't be added up is left out: the others count on.
    this.departing = this.departing.then(() => this.keep(worker.id)).catch(() => undefined);
  }

  private async keep(id: number): Promise<void> {
    const last = this.newest.get(id);
    try {
      if (!last) return;
      const counted = await AggregatorRegistry.aggregate([this.departed, last]).getMetricsAsJSON();
      this.departed = counted.filter(({ type }) => LASTING.includes(String(type)));
    } finally {
      this.newest.delete(id);
    }
  }

  private answered({ id }: Worker): void {
    this.waiting.get(id)?.();
    this.waiting.delete(id);
  }

  private async collect(workers: Worker[]): Promise<string> {
    const timer = new AbortController();
    const limit = sleep(COLLECT_LIMIT_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([Promise.all(workers.map((worker) => this.ask(worker))), limit]);
    timer.abort();
    await this.departing;
    return AggregatorRegistry.aggregate([this.departed, ...this.newest.values()]).metrics();
  }

  private ask(worker: Worker): Promise<void> {
    const answer = new Promise<void>((resolve) => this.waiting.set(worker.id, resolve));
    worker.send({ kind: 'collect' } satisfies ToWorker, () => undefined);
    return answer;
  }
}
