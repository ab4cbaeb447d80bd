import { Injectable } from '@nestjs/common';
import { OrganizationsService, type Principal } from '../organizations';
import { isUuid, newId } from '../common/ids';
import { TenantDatabase, type TenantTx } from '../database/door/tenant-database';
import { byThread, ThreadsService } from '../threads';
import { type Link, ShareLinksRepository } from './share-links.repository';
import { matchesHash, parseToken, type ShareToken } from './share-token';
import type { AcceptedThread, EndedShare } from './sharing.dto';
import { sharingErrors } from './sharing.errors';
import { MAX_SHARES, SharingRepository } from './sharing.repository';

/** What others may do with shares: accept a link, and leave. */
@Injectable()
export class ShareLinksService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly threads: ThreadsService,
    private readonly links: ShareLinksRepository,
    private readonly shares: SharingRepository,
    private readonly organizations: OrganizationsService,
  ) {}

  /**
   * Gives the caller a share of their own, as the link is; a second time it is the same one. An owner has it anyway.
   * @returns the thread, and whether the share is new
   * @throws SHARE_LINK_NOT_FOUND, TOO_MANY_SHARES
   */
  async accept(principal: Principal, text: string): Promise<{ created: boolean; thread: AcceptedThread }> {
    const token = parseToken(text);
    if (!token) throw sharingErrors.SHARE_LINK_NOT_FOUND();
    return this.db.run(principal, async (tx) => {
      const link = await this.hold(tx, principal, token);
      const created = link.owner !== principal.userId && (await this.add(tx, principal, link));
      const thread = await this.threads.getIn(tx, principal, byThread(link.thread_id));
      const permission = await this.links.permissionOf(tx, principal, link.thread_id);
      // Who owns it may do everything.
      return { created, thread: { ...thread, permission: permission ?? 'write' } };
    });
  }

  /** By its recipient: then all that they have of that thread ends. By the thread's owner or an admin: that share. @throws SHARE_NOT_FOUND */
  async end(principal: Principal, id: string): Promise<EndedShare> {
    if (!isUuid(id)) throw sharingErrors.SHARE_NOT_FOUND();
    return this.db.run(principal, async (tx) => {
      const left = await this.links.leave(tx, principal, id);
      if (left === 0 && !(await this.links.revoke(tx, principal, id))) throw sharingErrors.SHARE_NOT_FOUND();
      return { deleted: true, id: id.toLowerCase() };
    });
  }

  /** @returns whether the share is new @throws SHARE_LINK_NOT_FOUND, TOO_MANY_SHARES */
  private async add(tx: TenantTx, principal: Principal, link: Link): Promise<boolean> {
    if (await this.links.isAccepted(tx, principal, link)) return false;
    await this.organizations.ensure(tx, principal.userId);
    const count = await this.shares.lockAndCount(tx, principal.orgId, link.thread_id);
    if (count === undefined) throw sharingErrors.SHARE_LINK_NOT_FOUND();
    if (count >= MAX_SHARES) throw sharingErrors.TOO_MANY_SHARES(MAX_SHARES);
    return this.links.accept(tx, principal, link, newId());
  }

  private async hold(tx: TenantTx, { orgId }: Principal, { id, secret }: ShareToken): Promise<Link> {
    const link = await this.links.hold(tx, orgId, id);
    if (!link || !matchesHash(secret, link.secret_hash)) throw sharingErrors.SHARE_LINK_NOT_FOUND();
    return link;
  }
}
