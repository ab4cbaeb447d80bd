import { Injectable } from '@nestjs/common';
import type { TenantTx } from '../database/door/tenant-database';
import type { Statement } from '../database/door/transaction';

const ENSURE_ORGANIZATION: Statement = {
  name: 'organizations.ensure',
  text: `INSERT INTO organizations (id) VALUES (current_setting('app.org_id')) ON CONFLICT DO NOTHING`,
};

/* Foreign keys are checked when the statement ends, so that both rows may come in the same one. */
const ENSURE_USER: Statement = {
  name: 'organizations.ensure-user',
  text: `
    WITH organization AS (${ENSURE_ORGANIZATION.text})
    INSERT INTO users (org_id, id, role) VALUES (current_setting('app.org_id'), $1, $2) ON CONFLICT DO NOTHING`,
};

/** The SQL of organizations and their users. */
@Injectable()
export class OrganizationsRepository {
  /** Inserts the organization of the transaction unless it is there. */
  async ensure(tx: TenantTx): Promise<void> {
    await tx.execute(ENSURE_ORGANIZATION);
  }

  /** Inserts the organization and the user, as far as they are not there. */
  async ensureUser(tx: TenantTx, userId: string, role: string): Promise<void> {
    await tx.execute(ENSURE_USER, [userId, role]);
  }
}
