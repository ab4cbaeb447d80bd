import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { newId } from '../common/ids';
import type { TenantTx } from '../database/door/tenant-database';
import type { Target } from '../threads/thread-access';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { IdempotencyKey } from '../idempotency/idempotency-key';
import { OrganizationsService } from '../organizations/organizations.service';
import { checkTarget, ThreadsService } from '../threads/threads.service';
import { expiryOf, invalid } from './share-expiry';
import { formatToken, hashSecret, newSecret } from './share-token';
import { type CreatedShareView, type ShareConversation, type ShareView, toShareView } from './sharing.dto';
import { sharingErrors } from './sharing.errors';
import { type NewShare, SharingRepository } from './sharing.repository';

/** Shares of one thread, of accepted links included: more would make a list of a thread's readers long, and its deletion slow. */
export const MOST_SHARES = 1000;

/** What is kept for a repetition of the request: no token. */
type Kept = ShareView & { created: boolean };

/** Shares conversations: its owner's or an admin's doing, never that of somebody who may write (C48). */
@Injectable()
export class ShareCreationService {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly organizations: OrganizationsService,
    private readonly threads: ThreadsService,
    private readonly shares: SharingRepository,
  ) {}

  /**
   * With a user of the caller's organization, who is made if nobody has seen them yet, or by a link. With the same user
   * again: permission and end are those of this time.
   * @returns the share, and whether it is new; a link's token cannot be had again
   * @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE, SHARE_WITH_OWNER, TOO_MANY_SHARES, VALIDATION_FAILED,
   *   IDEMPOTENCY_KEY_REUSED
   */
  async share(
    principal: Principal,
    target: Target,
    body: ShareConversation,
    idempotencyKey?: IdempotencyKey,
  ): Promise<{ created: boolean; share: CreatedShareView }> {
    checkTarget(target);
    const secret = newSecret();
    const share = toRow(principal, body, secret);
    const work = (tx: TenantTx) => this.shareIn(tx, principal, target, share);
    const { created, ...view } = await this.idempotency.once(principal, idempotencyKey, work);
    const isNewLink = view.user_id === null && view.id === share.id;
    return { created, share: { ...view, token: isNewLink ? formatToken({ id: share.id, secret }) : null } };
  }

  private async shareIn(tx: TenantTx, principal: Principal, target: Target, share: NewShare): Promise<Kept> {
    const thread = await this.shares.findThread(tx, principal, target);
    if (!thread) return this.threads.refuse(tx, principal, target);
    if (share.user_id === thread.user_id) throw sharingErrors.SHARE_WITH_OWNER();
    if (share.user_id !== null) {
      await this.organizations.ensure(tx, share.user_id);
      const known = await this.shares.replace(tx, thread, share);
      if (known) return { created: false, ...toShareView(known) };
    }
    const count = await this.shares.lockAndCount(tx, principal.orgId, thread.id);
    if (count === undefined) return this.threads.refuse(tx, principal, target);
    if (count >= MOST_SHARES) throw sharingErrors.TOO_MANY_SHARES(MOST_SHARES);
    return { created: true, ...toShareView(await this.shares.insert(tx, thread, share)) };
  }
}

/** @throws VALIDATION_FAILED */
function toRow(principal: Principal, body: ShareConversation, secret: string): NewShare {
  const { user_id, link, permission } = body;
  if ((user_id === undefined) === (link === undefined)) throw invalid('user_id', 'either user_id or link is required');
  return {
    id: newId(),
    user_id: user_id ?? null,
    permission,
    secret_hash: link ? hashSecret(secret) : null,
    expires_at: expiryOf(body) ?? null,
    created_by: principal.userId,
  };
}
