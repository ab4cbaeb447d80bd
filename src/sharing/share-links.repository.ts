import { Injectable } from '@nestjs/common';
import type { Principal } from '../organizations/principal';
import type { TenantTx } from '../database/door/tenant-database';
import { inForce, present, principalValues, visibleThread } from '../threads/thread-access';
import type { Share } from './share.entity';

/** A link in force, with the owner of its thread. */
export type Link = Pick<Share, 'org_id' | 'id' | 'thread_id' | 'permission' | 'expires_at'> & {
  secret_hash: Buffer;
  owner: string;
};

/** Links and shares, for those who come by them. */
@Injectable()
export class ShareLinksRepository {
  /** The link: it neither changes nor goes until the transaction ends. `undefined` unless it and its thread are there. */
  async hold(tx: TenantTx, orgId: string, id: string): Promise<Link | undefined> {
    const text = `
      SELECT l.org_id, l.id, l.thread_id, l.permission, l.expires_at, l.secret_hash, t.user_id AS owner
      FROM shares l JOIN threads t ON t.org_id = l.org_id AND t.id = l.thread_id AND ${present('t')}
      WHERE l.org_id = $1 AND l.id = $2 AND l.secret_hash IS NOT NULL AND ${inForce('l')}
      FOR SHARE OF l`;
    return (await tx.query<Link>({ name: 'share_links_hold', text }, [orgId, id]))[0];
  }

  async isAccepted(tx: TenantTx, principal: Principal, link: Link): Promise<boolean> {
    const text = `SELECT 1 AS found FROM shares h WHERE h.org_id = $1 AND h.link_id = $2 AND h.user_id = $3`;
    const values = [principal.orgId, link.id, principal.userId];
    return (await tx.query({ name: 'share_links_is_accepted', text }, values)).length > 0;
  }

  /** Gives the caller a share as the held link is. @returns whether it is new */
  async accept(tx: TenantTx, principal: Principal, link: Link, id: string): Promise<boolean> {
    const text = `
      INSERT INTO shares (org_id, id, thread_id, user_id, link_id, permission, expires_at, created_by)
      SELECT l.org_id, $3, l.thread_id, $4, l.id, l.permission, l.expires_at, l.created_by
      FROM shares l WHERE l.org_id = $1 AND l.id = $2
      ON CONFLICT (org_id, link_id, user_id) WHERE link_id IS NOT NULL DO NOTHING`;
    const values = [principal.orgId, link.id, id, principal.userId];
    return (await tx.execute({ name: 'share_links_accept', text }, values)) === 1;
  }

  /** What the caller may do with a thread of somebody else's. */
  async permissionOf(tx: TenantTx, principal: Principal, threadId: string): Promise<Share['permission'] | undefined> {
    const text = `
      SELECT max(h.permission) AS permission FROM shares h
      WHERE h.org_id = $1 AND h.user_id = $2 AND h.thread_id = $3 AND ${inForce('h')}`;
    const values = [principal.orgId, principal.userId, threadId];
    const rows = await tx.query<Pick<Share, 'permission'>>({ name: 'shares_permission', text }, values);
    return rows[0].permission ?? undefined;
  }

  /** Ends all that the caller has of the thread of one of their shares. @returns how many there were */
  async leave(tx: TenantTx, principal: Principal, id: string): Promise<number> {
    const text = `
      DELETE FROM shares h USING shares own
      WHERE own.org_id = $1 AND own.user_id = $2 AND own.id = $3
        AND h.org_id = $1 AND h.user_id = $2 AND h.thread_id = own.thread_id`;
    return tx.execute({ name: 'shares_leave', text }, [principal.orgId, principal.userId, id]);
  }

  /** Ends a share of a thread of the caller's. @returns whether it was there */
  async revoke(tx: TenantTx, principal: Principal, id: string): Promise<boolean> {
    const text = `
      DELETE FROM shares h USING threads t
      WHERE ${visibleThread('t', 1, 'own')} AND h.org_id = t.org_id AND h.thread_id = t.id AND h.id = $4`;
    return (await tx.execute({ name: 'shares_revoke', text }, [...principalValues(principal), id])) === 1;
  }
}
