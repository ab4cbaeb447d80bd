import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { TenantDatabase } from '../database/door/tenant-database';
import { ERASURE_STEPS, type ErasureStep } from './erasure-steps';
import type { Erasure } from './erasure.entity';
import { ErasuresRepository, type Subject } from './erasures.repository';

/** Rows of one transaction: short enough to hold no lock for long. */
const BATCH = 2000;

/** Before what somebody else holds is tried again. */
const PAUSE_MS = 50;

/** After this every instance has noticed that a key is revoked (README: within a second). */
const KEYS_DIE_MS = 1000;

/**
 * Does the work of erasures, batch by batch. What a batch removed is on the receipt in the same transaction, so that one that
 * broke off goes on where it stopped, and two at once count right.
 */
@Injectable()
export class ErasureWorkerService implements OnModuleDestroy {
  private readonly logger = new Logger('Erasure');
  private stopping = false;

  constructor(
    private readonly db: TenantDatabase,
    private readonly erasures: ErasuresRepository,
  ) {}

  /** @returns the receipt; null if the server is stopping: another instance goes on */
  async run(orgId: string, id: string): Promise<Erasure | null> {
    const erasure = await this.db.readOne({ orgId }, (tx) => this.erasures.find(tx, orgId, id));
    if (erasure?.status !== 'running') return erasure;
    const subject = { orgId, userId: erasure.user_id };
    const revoked = await this.db.run(subject, async (tx) => {
      await this.erasures.touch(tx, orgId, id);
      return this.erasures.revokeKeys(tx, subject);
    });
    if (revoked > 0) await sleep(KEYS_DIE_MS);
    for (const step of ERASURE_STEPS.filter((each) => concerns(each, subject))) {
      if (!(await this.erase(step, subject, id))) return null;
    }
    return this.finish(subject, id);
  }

  /** A shutdown waits for the batch under way, not for all of them. */
  onModuleDestroy(): void {
    this.stopping = true;
  }

  /** @returns whether the table is done */
  private async erase(step: ErasureStep, subject: Subject, id: string): Promise<boolean> {
    const name = step.instead ? `${step.table}.${step.instead.column}` : step.table;
    // A batch that is not full proves nothing: a row that changes while it is waited for is passed over.
    while (await this.db.read(subject, (tx) => this.erasures.remains(tx, step, subject))) {
      if (this.stopping) return false;
      const removed = await this.db.run(subject, async (tx) => {
        const rows = await this.erasures.erase(tx, step, subject, BATCH);
        if (rows > 0) await this.erasures.count(tx, subject.orgId, id, name, rows);
        return rows;
      });
      // Somebody else holds what is left: another worker, or a writer.
      if (removed === 0) await sleep(PAUSE_MS);
    }
    return true;
  }

  /** An organization's receipt goes with it: what is left is the answer, and a line in the log. */
  private finish({ orgId, userId }: Subject, id: string): Promise<Erasure | null> {
    return this.db.run({ orgId }, async (tx) => {
      await this.erasures.finish(tx, orgId, id);
      const receipt = await this.erasures.find(tx, orgId, id);
      if (userId === null) await this.erasures.deleteOrganization(tx, orgId);
      this.logger.log({ msg: 'Erased', erasure: id, subject: receipt?.subject, rows: receipt?.rows });
      return receipt;
    });
  }
}

/** An organization has nobody else's rows in which it is named, and its receipt is needed to the end. */
const concerns = (step: ErasureStep, { userId }: Subject) => userId !== null || step.instead === undefined;
