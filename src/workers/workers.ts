import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { closeUntaken } from './untaken-connections';
import { InstanceMetrics } from './instance-metrics';
import type { Served, ToPrimary, ToWorker } from './worker-messages';
import { WORKER_ARGUMENT } from './worker-link';

/** Who ends so soon after its start is not replaced at once: it may happen again. */
const YOUNG_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** Starts that fail one after another, with nobody left who serves. */
const MAX_FAILURES = 5;
/** After the grace, for connections that are cut, and for the end of a process. */
const END_LIMIT_MS = 5000;

interface Options {
  count: number;
  graceMs: number;
  logger: Logger;
}

interface Running {
  worker: Worker;
  since: number;
  ready: boolean;
}

/** How a worker ended, or why it never began. */
interface End {
  pid?: number;
  code?: number | null;
  signal?: string | null;
  err?: Error;
}

/** Nobody serves any more. */
export class NoWorkerLeft extends Error {
  constructor() {
    super('no worker is left, and none could be started');
  }
}

/** The processes that serve, as their parent: starts them, replaces those that end, ends them all. */
export class Workers {
  private readonly running = new Map<number, Running>();
  private readonly metrics = new InstanceMetrics();
  private readonly pauses = new AbortController();
  private served?: Served;
  private announced = false;
  private stopped?: Promise<void>;
  /** Workers in a row that ended soon after their start. */
  private earlyEnds = 0;
  /** Workers in a row that ended before they were ready. */
  private failures = 0;
  private announce: (url: string) => void = () => undefined;
  private giveUp: (error: Error) => void = () => undefined;
  private gone: () => void = () => undefined;

  constructor(private readonly options: Options) {}

  /**
   * Starts all, and keeps as many running.
   * @param served what they serve from
   * @param announce is called once, when all are ready
   * @throws when they do not start, or when none is left and none can be started any more; else it never returns
   */
  run(served: Served, announce: (url: string) => void): Promise<never> {
    this.served = served;
    this.announce = announce;
    cluster.setupPrimary({ args: [...process.argv.slice(2), WORKER_ARGUMENT] });
    cluster.on('message', (worker, message: ToPrimary) => this.onMessage(worker, message));
    cluster.on('exit', (worker, code: number | null, signal: string | null) => {
      this.onEnd(worker, { pid: worker.process.pid, code, signal });
    });
    return new Promise((_, reject) => {
      this.giveUp = reject;
      for (let n = 0; n < this.options.count && !this.stopping; n += 1) this.fork();
    });
  }

  /** Lets all finish what is under way; who takes longer than the grace is ended. */
  stop(): Promise<void> {
    return (this.stopped ??= this.endAll());
  }

  private async endAll(): Promise<void> {
    this.pauses.abort();
    const gone = new Promise<void>((resolve) => (this.gone = resolve));
    if (this.running.size === 0) return;
    for (const { worker } of this.running.values()) tell(worker, { kind: 'stop' });
    const timer = new AbortController();
    const limit = sleep(this.options.graceMs + END_LIMIT_MS, true, { signal: timer.signal }).catch(() => false);
    if (await Promise.race([gone.then(() => false), limit])) {
      const workers = [...this.running.values()].map(({ worker }) => worker.process.pid);
      this.options.logger.warn({ workers }, 'Workers were still running after SHUTDOWN_GRACE_MS; they are killed');
      this.abandon();
    }
    timer.abort();
    await gone;
  }

  /** Ends all at once. */
  abandon(): void {
    for (const { worker } of this.running.values()) worker.process.kill('SIGKILL');
  }

  private get stopping(): boolean {
    return this.stopped !== undefined;
  }

  private get ready(): Worker[] {
    return [...this.running.values()].filter(({ ready }) => ready).map(({ worker }) => worker);
  }

  private fork(): void {
    const since = performance.now();
    try {
      const worker = cluster.fork();
      this.running.set(worker.id, { worker, since, ready: false });
      const hasBegun = worker.process.pid !== undefined;
      worker.on('error', (err) => {
        // Of one that never began, nobody tells the end; else it is a message that can't be delivered.
        if (!hasBegun) this.onEnd(worker, { err });
      });
      if (hasBegun) closeUntaken(worker);
    } catch (error) {
      this.onFailure({ since, ready: false }, { err: error as Error });
    }
  }

  private onMessage(worker: Worker, message: ToPrimary): void {
    const one = this.running.get(worker.id);
    if (!one) return;
    if (message.kind === 'up') tell(worker, this.stopping ? { kind: 'stop' } : { kind: 'serve', ...this.served! });
    else if (message.kind === 'ready') this.onReady(one, message.url);
    else if (message.kind === 'collected') this.metrics.take(worker, message.metrics);
    else this.answer(worker, message.id).catch((err: Error) => this.options.logger.warn({ err }, 'No metrics'));
  }

  private onReady(one: Running, url: string): void {
    one.ready = true;
    this.failures = 0;
    if (this.announced || this.ready.length < this.options.count) return;
    this.announced = true;
    this.announce(url);
  }

  private async answer(asker: Worker, id: number): Promise<void> {
    const text = await this.metrics.read(this.ready);
    tell(asker, { kind: 'metrics', id, text });
  }

  private onEnd(worker: Worker, end: End): void {
    const one = this.running.get(worker.id);
    if (!one) return;
    this.running.delete(worker.id);
    this.metrics.leave(worker);
    if (this.stopping) {
      if (this.running.size === 0) this.gone();
      return;
    }
    this.onFailure(one, end);
  }

  private onFailure(one: Pick<Running, 'since' | 'ready'>, end: End): void {
    if (!one.ready) this.failures += 1;
    this.earlyEnds = performance.now() - one.since < YOUNG_MS ? this.earlyEnds + 1 : 0;
    // What fails at the first start by itself would fail again, and the operator is to hear of it at once.
    if (!this.announced && !one.ready && !end.signal)
      this.giveUp(new Error(`A worker did not start (${reasonOf(end)})`));
    else if (this.failures >= MAX_FAILURES && this.ready.length === 0) this.giveUp(new NoWorkerLeft());
    else void this.replace(end);
  }

  private async replace({ pid: worker, ...end }: End): Promise<void> {
    this.options.logger.error({ worker, ...end }, 'A worker ended; another one takes its place');
    const doublings = Math.max(0, this.earlyEnds - 2);
    const pause = this.earlyEnds < 2 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** doublings, LONGEST_PAUSE_MS);
    const { signal } = this.pauses;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    if (!this.stopping) this.fork();
  }
}

const reasonOf = ({ code, err }: End) => err?.message ?? `exit ${code}`;

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}
