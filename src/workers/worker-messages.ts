import type { Registry } from 'prom-client';

/** The metrics of one process, as it hands them over. */
export type ProcessMetrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** What a worker serves from. */
export interface Served {
  /** The URL of a database whose schema is up to date. */
  database: string;
  /** Whether statements may be prepared by their names. */
  prepared: boolean;
}

/** What the first process tells a worker. */
export type ToWorker =
  /** Serve from this database: the first message, unless the instance ends already. */
  | ({ kind: 'serve' } & Served)
  /** Finish what is under way, and end. */
  | { kind: 'stop' }
  /** Hand over your metrics. */
  | { kind: 'collect' }
  /** What you asked for: the metrics of all, as text. */
  | { kind: 'metrics'; id: number; text: string };

/** What a worker tells the first process. */
export type ToPrimary =
  /** It listens to what it is told; before, node may have thrown messages away. */
  | { kind: 'up' }
  /** It takes requests. */
  | { kind: 'ready'; url: string }
  /** Somebody wants the metrics of all. */
  | { kind: 'metrics'; id: number }
  /** Its own, as it was told to hand over; none when they could not be read. */
  | { kind: 'collected'; metrics?: ProcessMetrics };
