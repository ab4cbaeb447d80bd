import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '../organizations';
import { isUuid, newId } from '../common/ids';
import { DEFAULT_LIMIT, positionOf, rowsFor, toPage } from '../http/request/paging';
import { TenantDatabase } from '../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import { ErasureWorkerService } from './erasure-worker.service';
import type { Erasure } from './erasure.entity';
import {
  type DeletedErasure,
  type ErasureList,
  type ErasureView,
  type ListErasuresQuery,
  type StartErasure,
  toErasureView,
} from './erasures.dto';
import { erasureErrors } from './erasures.errors';
import { ErasuresRepository, type NewErasure } from './erasures.repository';

/** How long a request waits for its erasure; a larger one goes on in the background. */
const PATIENCE_MS = 5000;

/** Erases everything of a user or of an organization. */
@Injectable()
export class ErasuresService {
  private readonly logger = new Logger('Erasure');

  constructor(
    private readonly db: TenantDatabase,
    private readonly idempotency: IdempotencyService,
    private readonly worker: ErasureWorkerService,
    private readonly erasures: ErasuresRepository,
  ) {}

  /** @throws ERASURE_SUBJECT, IDEMPOTENCY_KEY_REUSED */
  async start(principal: Principal, body: StartErasure, idempotencyKey?: IdempotencyKey): Promise<ErasureView> {
    const erasure = toErasure(principal, body);
    const { orgId } = principal;
    const { id } = await this.idempotency.once(principal, idempotencyKey, async (tx) => {
      await this.erasures.insert(tx, orgId, erasure);
      return { id: erasure.id };
    });
    const work = this.worker.run(orgId, id);
    const patience = new AbortController();
    const receipt = await Promise.race([work, sleep(PATIENCE_MS, undefined, { signal: patience.signal })]);
    patience.abort();
    if (receipt) return toErasureView(receipt);
    // Nobody waits for it any more; the schedule takes it up again if it breaks off.
    work.catch((error: unknown) => this.logger.error(error));
    return this.get(principal, id);
  }

  /** @throws ERASURE_NOT_FOUND */
  async get({ orgId }: Principal, id: string): Promise<ErasureView> {
    const erasure = isUuid(id) && (await this.db.readOne({ orgId }, (tx) => this.erasures.find(tx, orgId, id)));
    if (!erasure) throw erasureErrors.ERASURE_NOT_FOUND(id);
    return toErasureView(erasure);
  }

  /** Newest first. @throws INVALID_CURSOR, BAD_REQUEST */
  async list({ orgId }: Principal, query: ListErasuresQuery): Promise<ErasureList> {
    const { limit = DEFAULT_LIMIT, offset = 0 } = query;
    const before = positionOf(query, [isUuid])?.[0] as string | undefined;
    const rows = await this.db.readOne({ orgId }, (tx) =>
      this.erasures.list(tx, orgId, before, rowsFor(limit), offset),
    );
    return toPage(rows, limit, toErasureView, (erasure: Erasure) => [erasure.id]);
  }

  /** Deletes a receipt. @throws ERASURE_NOT_FOUND, also for one that is under way */
  async delete({ orgId }: Principal, id: string): Promise<DeletedErasure> {
    const deleted = isUuid(id) && (await this.db.run({ orgId }, (tx) => this.erasures.delete(tx, orgId, id)));
    if (!deleted) throw erasureErrors.ERASURE_NOT_FOUND(id);
    return { deleted, id };
  }
}

/** @throws ERASURE_SUBJECT */
function toErasure({ orgId, userId }: Principal, { user_id, org_id }: StartErasure): NewErasure {
  const ofOrganization = org_id === orgId && user_id === undefined;
  if (!ofOrganization && (user_id === undefined || org_id !== undefined)) throw erasureErrors.ERASURE_SUBJECT();
  const subject = ofOrganization ? 'organization' : 'user';
  return { id: newId(), subject, user_id: user_id ?? null, requested_by: userId };
}
