import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { isUuid } from '../common/ids';
import { DEFAULT_LIMIT, type PageQuery, positionOf, rowsFor, toPage } from '../http/request/paging';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import type { Target } from '../threads/thread-access';
import { checkTarget, notFound, ThreadsService } from '../threads/threads.service';
import { expiryOf, invalid } from './share-expiry';
import { type EndedShare, type ShareList, type ShareView, toShareView, type UpdateShare } from './sharing.dto';
import { sharingErrors } from './sharing.errors';
import { SharingRepository } from './sharing.repository';

/** Shows, changes and revokes the shares of a conversation, for its owner and the admins. */
@Injectable()
export class SharingService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadsService,
    private readonly shares: SharingRepository,
  ) {}

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
