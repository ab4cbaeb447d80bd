import type { Registry } from 'prom-client';

/** The metrics of one process, as it hands them over. */
export type ProcessMetrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** What the first process tells a worker. */
export type ToWorker =
  /** Serve from this database: the first message. */
  | { kind: 'serve'; database: string }
  /** Finish what is under way, and end. */
  | { kind: 'stop' }
  /** Hand over your metrics. */
  | { kind: 'collect' }
  /** What you asked for: the metrics of all, as text. */
  | { kind: 'metrics'; id: number; text: string };

/** What a worker tells the first process. */
export type ToPrimary =
  /** It takes requests. */
  | { kind: 'ready'; url: string }
  /** Somebody wants the metrics of all. */
  | { kind: 'metrics'; id: number }
  /** Its own, as it was told to hand over. */
  | { kind: 'collected'; metrics: ProcessMetrics };
