import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/door/tenant-database';
import { OrganizationsRepository } from './organizations.repository';

/** Tenants and their users, which exist from the first time that they are seen. */
@Injectable()
export class OrganizationsService {
  constructor(private readonly organizations: OrganizationsRepository) {}

  /**
   * Makes sure that the organization of the transaction and one of its users have their rows, before rows that point
   * at them. One statement; a row that is there stays as it is.
   * @param role what a new user's row says; by default `member`
   * @returns whether the user is new: nothing of theirs was stored before, and nothing shared with them
   */
  ensure(tx: TenantTx, userId: string, role: string = 'member'): Promise<boolean> {
    return this.organizations.ensureUser(tx, userId, role);
  }

  /** The same for the organization alone. */
  ensureOrganization(tx: TenantTx): Promise<void> {
    return this.organizations.ensure(tx);
  }
}
