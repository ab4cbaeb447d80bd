import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { inForce, present, type PrincipalNames, visible } from '../threads';
import { Share } from './share.entity';

/** A link in force, with the owner of its thread. */
export type Link = Pick<Share, 'org_id' | 'id' | 'thread_id' | 'permission' | 'expires_at'> & {
  secret_hash: Buffer;
  owner: string;
};

const HOLD = sql<'orgId' | 'id', Link>('share_links_hold')`
  SELECT l.org_id, l.id, l.thread_id, l.permission, l.expires_at, l.secret_hash, t.user_id AS owner
  FROM shares l JOIN threads t ON t.org_id = l.org_id AND t.id = l.thread_id AND ${present('t')}
  WHERE l.org_id = :orgId AND l.id = :id AND l.secret_hash IS NOT NULL AND ${inForce('l')}
  FOR SHARE OF l`;

const ACCEPT = sql<'orgId' | 'userId' | 'linkId' | 'id'>('share_links_accept')`
  INSERT INTO shares (org_id, id, thread_id, user_id, link_id, permission, expires_at, created_by)
  SELECT l.org_id, :id, l.thread_id, :userId, l.id, l.permission, l.expires_at, l.created_by
  FROM shares l WHERE l.org_id = :orgId AND l.id = :linkId
  ON CONFLICT (org_id, link_id, user_id) WHERE link_id IS NOT NULL DO NOTHING`;

const LEAVE = sql<'orgId' | 'userId' | 'id'>('shares_leave')`
  DELETE FROM shares h USING shares own
  WHERE own.org_id = :orgId AND own.user_id = :userId AND own.id = :id
    AND h.org_id = :orgId AND h.user_id = :userId AND h.thread_id = own.thread_id`;

const REVOKE = sql<PrincipalNames | 'id'>('shares_revoke')`
  DELETE FROM shares h USING threads t
  WHERE ${visible('t', 'own')} AND h.org_id = t.org_id AND h.thread_id = t.id AND h.id = :id`;

/** Links and shares, for those who come by them. */
@Injectable()
export class ShareLinksRepository {
  /** The link: it neither changes nor goes until the transaction ends. `undefined` unless it and its thread are there. */
  async hold(tx: TenantTx, orgId: string, id: string): Promise<Link | undefined> {
    return (await tx.query(HOLD, { orgId, id }))[0];
  }

  isAccepted(tx: TenantTx, { orgId, userId }: Principal, link: Link): Promise<boolean> {
    return tx.repo(Share).existsBy({ org_id: orgId, link_id: link.id, user_id: userId });
  }

  /** Gives the caller a share as the held link is. @returns whether it is new */
  async accept(tx: TenantTx, principal: Principal, link: Link, id: string): Promise<boolean> {
    return (await tx.execute(ACCEPT, { ...principal, linkId: link.id, id })) === 1;
  }

  /** What the caller may do with a thread of somebody else's. */
  async permissionOf(tx: TenantTx, principal: Principal, threadId: string): Promise<Share['permission'] | undefined> {
    const { orgId, userId } = principal;
    const shares = tx.repo(Share).createQueryBuilder('h');
    const best = await shares
      .where({ org_id: orgId, user_id: userId, thread_id: threadId })
      .andWhere(inForce('h'))
      .orderBy('h.permission', 'DESC')
      .limit(1)
      .getOne();
    return best?.permission;
  }

  /** Ends all that the caller has of the thread of one of their shares. @returns how many there were */
  leave(tx: TenantTx, principal: Principal, id: string): Promise<number> {
    return tx.execute(LEAVE, { ...principal, id });
  }

  /** Ends a share of a thread of the caller's. @returns whether it was there */
  async revoke(tx: TenantTx, principal: Principal, id: string): Promise<boolean> {
    return (await tx.execute(REVOKE, { ...principal, id })) === 1;
  }
}
