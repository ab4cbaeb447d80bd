export { inForeignCluster, type WorkerLink, workerLink } from './worker-link';
export type { Served } from './worker-messages';
export { NoWorkerLeft, Workers } from './workers';
