import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { SystemDatabase } from '../database/door/system-database';
import { type Tenant, TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import type { CleanupView, RunCleanup } from './cleanup.dto';
import { type BrokenErasure, CleanupRepository } from './cleanup.repository';

/** Rows of one transaction, so that it holds no lock for long. A session has its messages with it. */
const SIZES = {
  idempotency_keys: 1000,
  expired_sessions: 50,
  expired_memories: 1000,
  expired_shares: 1000,
  trashed_threads: 50,
  deleted_messages: 1000,
  message_changes: 1000,
};

/** How long those who follow a thread can ask what happened to its messages. */
const CHANGE_DAYS = 7;

/** Scheduled work is one instance's; what admins ask for is done at once, and two who ask share it row by row. */
const [ALONE, SHARED] = [true, false];

type Kind = keyof typeof SIZES;

/** Rows removed, by kind. */
type Expired = Pick<CleanupView, Kind>;

const nothing = () => Object.fromEntries(Object.keys(SIZES).map((kind) => [kind, 0])) as Expired;

/** Rows that one transaction removed; undefined: another instance is cleaning. */
type Batch = number | undefined;

/** Removes what has expired. */
@Injectable()
export class CleanupService implements OnModuleDestroy {
  private stopping = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly system: SystemDatabase,
    private readonly tenants: TenantDatabase,
    private readonly rows: CleanupRepository,
  ) {}

  /** As an admin asks for it: in the own organization only, and what that has done with. @throws STORE_UNAVAILABLE */
  async runFor(tenant: Tenant, { older_than_days: days }: RunCleanup): Promise<CleanupView> {
    const { removed: expired } = await this.cleanOrganization(tenant, SHARED);
    const old_sessions = days === undefined ? 0 : await this.removeOld(tenant, days);
    return { ...expired, old_sessions, deleted: expired.expired_sessions + old_sessions };
  }

  /**
   * Removes everything that has expired by now, in all organizations. Of instances that run at once, one does the work;
   * the others find it taken and end, with what they have removed so far (C58).
   * @throws STORE_UNAVAILABLE
   */
  async run(): Promise<Expired> {
    const total = nothing();
    const { IDEMPOTENCY_TTL_HOURS: keyHours, TRASH_RETENTION_DAYS: trashDays } = this.config.env;
    const retention = { keyHours, trashDays, changeDays: CHANGE_DAYS };
    for (const orgId of await this.system.run((tx) => this.rows.organizationsWithExpired(tx, retention))) {
      const { removed, done } = await this.cleanOrganization({ orgId }, ALONE);
      for (const kind of Object.keys(total) as Kind[]) total[kind] += removed[kind];
      if (!done) break;
    }
    return total;
  }

  /** Erasures whose server is gone. @throws STORE_UNAVAILABLE */
  brokenErasures(): Promise<BrokenErasure[]> {
    return this.system.run((tx) => this.rows.brokenErasures(tx));
  }

  /** A shutdown waits for the batch under way, not for all of them. */
  onModuleDestroy(): void {
    this.stopping = true;
  }

  private async cleanOrganization(tenant: Tenant, alone: boolean): Promise<{ removed: Expired; done: boolean }> {
    const removed = nothing();
    for (const kind of Object.keys(SIZES) as Kind[]) {
      const batches = await this.inBatches(SIZES[kind], (size) => this.removeBatch(tenant, kind, size, alone));
      removed[kind] = batches.removed;
      if (!batches.done) return { removed, done: false };
    }
    return { removed, done: true };
  }

  private removeBatch(tenant: Tenant, kind: Kind, size: number, alone: boolean): Promise<Batch> {
    return this.tenants.run(tenant, async (tx) => {
      if (alone && !(await this.rows.takeLock(tx))) return undefined;
      return this.deleteBatch(tx, tenant.orgId, kind, size);
    });
  }

  private deleteBatch(tx: TenantTx, orgId: string, kind: Kind, size: number): Promise<number> {
    const { IDEMPOTENCY_TTL_HOURS: hours, TRASH_RETENTION_DAYS: days } = this.config.env;
    const deletions: Record<Kind, () => Promise<number>> = {
      idempotency_keys: () => this.rows.deleteIdempotencyKeys(tx, orgId, hours, size),
      expired_sessions: () => this.rows.removeExpiredSessions(tx, orgId, days, size),
      expired_memories: () => this.rows.deleteExpiredMemories(tx, orgId, size),
      expired_shares: () => this.rows.deleteExpiredShares(tx, orgId, size),
      trashed_threads: () => this.rows.deleteTrashedThreads(tx, orgId, days, size),
      deleted_messages: () => this.rows.deleteDeletedMessages(tx, orgId, days, size),
      message_changes: () => this.rows.deleteMessageChanges(tx, orgId, CHANGE_DAYS, size),
    };
    return deletions[kind]();
  }

  private async removeOld(tenant: Tenant, days: number): Promise<number> {
    const { removed } = await this.inBatches(SIZES.expired_sessions, (size) =>
      this.tenants.run(tenant, (tx) => this.rows.deleteOldSessions(tx, tenant.orgId, days, size)),
    );
    return removed;
  }

  /** Batch by batch until one is not full. Not `done`: the rest is another instance's, or the next run's. */
  private async inBatches(size: number, remove: (size: number) => Promise<Batch>) {
    let removed = 0;
    while (!this.stopping) {
      const batch = await remove(size);
      removed += batch ?? 0;
      if (batch !== size) return { removed, done: batch !== undefined };
    }
    return { removed, done: false };
  }
}
