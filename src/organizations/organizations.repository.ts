import { Injectable } from '@nestjs/common';
import { sql } from '../database/door/sql';
import type { TenantTx } from '../database/door/tenant-database';
import { Organization } from './organization.entity';

const OWN = `current_setting('app.org_id')`;

/* One statement, as before every row of a new thread. Foreign keys are checked when it ends, so both rows may come in it. */
const ENSURE_USER = sql<'userId' | 'role'>('organizations.ensure-user')`
  WITH organization AS (INSERT INTO organizations (id) VALUES (${OWN}) ON CONFLICT DO NOTHING)
  INSERT INTO users (org_id, id, role) VALUES (${OWN}, :userId, :role) ON CONFLICT DO NOTHING`;

/** The rows of organizations and their users. */
@Injectable()
export class OrganizationsRepository {
  /** Inserts the organization of the transaction unless it is there. */
  async ensure(tx: TenantTx): Promise<void> {
    const insert = tx.repo(Organization).createQueryBuilder().insert();
    await insert
      .values({ id: () => OWN })
      .orIgnore()
      .updateEntity(false)
      .execute();
  }

  /** Inserts the organization and the user, as far as they are not there. @returns whether the user was not */
  async ensureUser(tx: TenantTx, userId: string, role: string): Promise<boolean> {
    return (await tx.execute(ENSURE_USER, { userId, role })) === 1;
  }
}
