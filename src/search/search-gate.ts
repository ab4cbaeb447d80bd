import { Problem } from '../common/errors';
import { Lanes, LanesBusy } from '../common/lanes';
import type { TenantDatabase, TenantTx } from '../database/door/tenant-database';
import type { Principal } from '../organizations';
import { searchErrors } from './search.errors';

const MAX_WAIT_MS = 3000;
const LATER = { headers: { 'retry-after': '1' } };

/** Searches of one kind: so many run at the same time on this instance, and none for longer than it may. */
export class SearchGate {
  private readonly lanes: Lanes;

  /** @param timeoutMs a search that would take longer is given up: it would keep the database from everybody else's work */
  constructor(
    private readonly db: TenantDatabase,
    atOnce: number,
    private readonly timeoutMs: number,
  ) {
    this.lanes = new Lanes(atOnce);
  }

  /** Reads by one statement. @throws SEARCH_BUSY, SEARCH_TIMEOUT */
  read<T>(principal: Principal, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    return this.lanes
      .pass(() => this.db.readOne(principal, work, { timeoutMs: this.timeoutMs }), { maxWaitMs: MAX_WAIT_MS })
      .catch((error: unknown) => {
        if (error instanceof LanesBusy) throw searchErrors.SEARCH_BUSY().with(LATER);
        const isLate = error instanceof Problem && error.code === 'STATEMENT_TIMEOUT';
        throw isLate ? searchErrors.SEARCH_TIMEOUT().with({ ...LATER, cause: error.cause }) : error;
      });
  }
}
