import { commonErrors } from '../../common/errors';
import { FairLanes, LanesBusy, type Release } from '../../common/lanes';
import type { Config } from '../../config/config';
import { connectionsOf } from '../../config/process-shares';
import { databaseErrors } from './database.errors';

/** Of one thread: more writers than that are sent away at once. */
const MAX_AT_GATE = 1000;

/**
 * Who may have a connection. An organization has half of the pool at most, always: what holds its connections, such as a lock
 * that nobody gives up, leaves the other half to everybody else. Writers of one thread wait here, and not on connections.
 */
export class Admission {
  private readonly connections: FairLanes;
  private readonly gates: FairLanes;
  /** How long a transaction waits, at the gate and for a connection. */
  readonly maxWaitMs: number;

  constructor(env: Config['env']) {
    const max = connectionsOf(env);
    const each = Math.max(Math.min(max, 2), Math.floor(max / 2));
    this.maxWaitMs = env.DB_POOL_TIMEOUT_MS;
    this.connections = new FairLanes({ max, each });
    // The second writer of a thread waits in the database, which passes the lock on at once.
    this.gates = new FairLanes({ each: each > 2 ? 2 : 1, maxWaiting: MAX_AT_GATE });
  }

  /** How many transactions wait for a connection. */
  get waiting(): number {
    return this.connections.waiting;
  }

  /** Waits for one of the organization's connections. @throws STORE_UNAVAILABLE after DB_POOL_TIMEOUT_MS */
  enter(orgId: string): Promise<Release> {
    return this.connections.take(orgId, this).catch((error: unknown) => {
      if (error instanceof LanesBusy) throw commonErrors.STORE_UNAVAILABLE().with({ headers: { 'retry-after': '1' } });
      throw error;
    });
  }

  /** Does `work`, which writes to a thread. @throws THREAD_BUSY when others have done so for DB_POOL_TIMEOUT_MS, or too many wait */
  atGate<T>(orgId: string, thread: string | undefined, work: () => Promise<T>): Promise<T> {
    if (thread === undefined) return work();
    return this.gates.pass(`${orgId}/${thread}`, work, this).catch((error: unknown) => {
      if (error instanceof LanesBusy) throw databaseErrors.THREAD_BUSY().with({ headers: { 'retry-after': '2' } });
      throw error;
    });
  }
}
