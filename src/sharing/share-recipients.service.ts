import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import { newId } from '../common/ids';
import type { TenantTx } from '../database/door/tenant-database';
import { OrganizationsService } from '../organizations/organizations.service';
import { MOST_SHARES } from './share-creation.service';
import { type Link, ShareLinksRepository } from './share-links.repository';
import { sharingErrors } from './sharing.errors';
import { SharingRepository } from './sharing.repository';

/** Those who accept links. */
@Injectable()
export class ShareRecipientsService {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly shares: SharingRepository,
    private readonly links: ShareLinksRepository,
  ) {}

  /** @returns whether the share is new @throws SHARE_LINK_NOT_FOUND, TOO_MANY_SHARES */
  async add(tx: TenantTx, principal: Principal, link: Link): Promise<boolean> {
    if (await this.links.isAccepted(tx, principal, link)) return false;
    await this.organizations.ensure(tx, principal.userId);
    const count = await this.shares.lockAndCount(tx, principal.orgId, link.thread_id);
    if (count === undefined) throw sharingErrors.SHARE_LINK_NOT_FOUND();
    if (count >= MOST_SHARES) throw sharingErrors.TOO_MANY_SHARES(MOST_SHARES);
    return this.links.accept(tx, principal, link, newId());
  }
}
