import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { SystemDatabase, type SystemTx } from '../database/system-database';
import type { CleanupView } from './cleanup.dto';
import { CleanupRepository } from './cleanup.repository';

/** Rows of one transaction: short enough to hold no lock for long. */
const BATCH = 1000;

/** Removes what has expired, in all organizations. */
@Injectable()
export class CleanupService implements OnModuleDestroy {
  private stopping = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: SystemDatabase,
    private readonly expired: CleanupRepository,
  ) {}

  /**
   * Removes everything that has expired by now. Of instances that run at once, one does the work; the others
   * find it taken and count nothing (C58).
   * @throws STORE_UNAVAILABLE
   */
  async run(): Promise<CleanupView> {
    const hours = this.config.env.IDEMPOTENCY_TTL_HOURS;
    const keys = await this.inBatches((tx) => this.expired.deleteIdempotencyKeys(tx, hours, BATCH));
    return { idempotency_keys: keys };
  }

  /** A shutdown waits for the batch under way, not for all of them. */
  onModuleDestroy(): void {
    this.stopping = true;
  }

  private async inBatches(remove: (tx: SystemTx) => Promise<number>): Promise<number> {
    let total = 0;
    let removed: number;
    do {
      removed = await this.database.run(async (tx) => ((await this.expired.takeLock(tx)) ? remove(tx) : 0));
      total += removed;
    } while (removed === BATCH && !this.stopping);
    return total;
  }
}
