import { Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../organizations';
import { isUuid, newId } from '../common/ids';
import { commonErrors } from '../common/errors';
import { parseTime } from '../common/json';
import { DEFAULT_LIMIT, type PageQuery, positionOf, rowsFor, toPage } from '../http/request/paging';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { type IdempotencyKey, IdempotencyService } from '../idempotency';
import { checkTarget, notFound, type Target, ThreadsService } from '../threads';
import { formatToken, hashSecret, newSecret } from './share-token';
import {
  type CreatedShareView,
  type EndedShare,
  type ShareConversation,
  type ShareList,
  type ShareView,
  type ShareWarning,
  toShareView,
  type UpdateShare,
} from './sharing.dto';
import { sharingErrors } from './sharing.errors';
import { MAX_SHARES, type NewShare, SharingRepository } from './sharing.repository';

/** What is kept for a repetition of the request: no token. */
type Kept = Omit<CreatedShareView, 'token'> & { created: boolean };

/** The shares of a conversation: its owner's or an admin's affair, never that of somebody who may write (C48). */
@Injectable()
export class SharingService {
  constructor(
    private readonly db: TenantDatabase,
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

  /** Those in force, oldest first. @throws THREAD_NOT_FOUND, SESSION_NOT_FOUND, THREAD_NOT_WRITABLE, INVALID_CURSOR */
  async list(principal: Principal, target: Target, query: PageQuery): Promise<ShareList> {
    checkTarget(target);
    const { limit = DEFAULT_LIMIT, offset = 0, order = 'asc' } = query;
    const after = positionOf(query, [isUuid])?.[0] as string | undefined;
    const slice = { after, order, limit: rowsFor(limit), offset };
    return this.db.read(principal, async (tx) => {
      const rows = await this.shares.list(tx, principal, target, slice);
      if (!rows) return this.threads.refuse(tx, principal, target, notFound(target));
      return toPage(rows, limit, toShareView, (row) => [row.id]);
    });
  }

  /**
   * What is absent stays. Of a link, for everybody who has accepted it.
   * @throws SHARE_NOT_FOUND, SHARE_FOLLOWS_LINK, THREAD_NOT_WRITABLE, VALIDATION_FAILED
   */
  async update(principal: Principal, target: Target, id: string, body: UpdateShare): Promise<ShareView> {
    const change = { permission: body.permission, expires_at: expiryOf(body) };
    if (change.permission === undefined && change.expires_at === undefined) {
      throw invalid('permission', 'permission, expires_at or expires_in_seconds is required');
    }
    checkIds(target, id);
    return this.db.run(principal, async (tx) => {
      const share = await this.shares.lock(tx, principal, target, id);
      if (!share) return this.refuse(tx, principal, target);
      if (share.link_id !== null) throw sharingErrors.SHARE_FOLLOWS_LINK();
      return toShareView(await this.shares.update(tx, principal.orgId, share.id, change));
    });
  }

  /**
   * Ends a share at once, on every instance: a write that rests on it is either done by then, or refused. With a link ends
   * what was accepted through it.
   * @throws SHARE_NOT_FOUND, THREAD_NOT_WRITABLE
   */
  async revoke(principal: Principal, target: Target, id: string): Promise<EndedShare> {
    checkIds(target, id);
    return this.db.run(principal, async (tx) => {
      if (!(await this.shares.delete(tx, principal, target, id))) return this.refuse(tx, principal, target);
      return { deleted: true, id: id.toLowerCase() };
    });
  }

  private async shareIn(tx: TenantTx, principal: Principal, target: Target, share: NewShare): Promise<Kept> {
    const thread = await this.shares.findThread(tx, principal, target);
    if (!thread) return this.threads.refuse(tx, principal, target);
    if (share.user_id === thread.user_id) throw sharingErrors.SHARE_WITH_OWNER();
    const warnings: ShareWarning[] = [];
    if (share.user_id !== null) {
      if (await this.organizations.ensure(tx, share.user_id)) warnings.push('unknown_user');
      const known = await this.shares.replace(tx, thread, share.user_id, share);
      if (known) return { created: false, warnings, ...toShareView(known) };
    }
    const count = await this.shares.lockAndCount(tx, principal.orgId, thread.id);
    if (count === undefined) return this.threads.refuse(tx, principal, target);
    if (count >= MAX_SHARES) throw sharingErrors.TOO_MANY_SHARES(MAX_SHARES);
    return { created: true, warnings, ...toShareView(await this.shares.insert(tx, thread, share)) };
  }

  /** The thread's own people learn that the share is not there, its readers that it is no affair of theirs. */
  private async refuse(tx: TenantTx, principal: Principal, target: Target): Promise<never> {
    const missing = sharingErrors.SHARE_NOT_FOUND();
    if (await this.shares.findThread(tx, principal, target)) throw missing;
    return this.threads.refuse(tx, principal, target, missing);
  }
}

/** @throws SHARE_NOT_FOUND for what cannot be the id of a thread or a share */
function checkIds(target: Target, id: string): void {
  if (!isUuid(id) || (target.by === 'thread' && !isUuid(target.id))) throw sharingErrors.SHARE_NOT_FOUND();
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

interface Ending {
  expires_in_seconds?: number;
  expires_at?: string | number | null;
}

/**
 * When a share is to end.
 * @returns null for never, `undefined` if nothing is said of it
 * @throws VALIDATION_FAILED
 */
function expiryOf({ expires_in_seconds: seconds, expires_at }: Ending): Date | null | undefined {
  if (seconds !== undefined && expires_at !== undefined) {
    throw invalid('expires_at', 'only one of expires_at and expires_in_seconds can be given');
  }
  if (seconds !== undefined) return new Date(Date.now() + seconds * 1000);
  if (expires_at === undefined || expires_at === null) return expires_at;
  const time = parseTime(expires_at);
  if (!time || time.getTime() <= Date.now()) throw invalid('expires_at', 'expires_at must be in the future');
  return time;
}

const invalid = (field: string, message: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message }] });
