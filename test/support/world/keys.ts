import type { Pool } from 'pg';
import { formatKey, hashSecret, newSecret } from '../../../src/auth/api-keys/api-key';
import type { Role } from '../../../src/organizations/principal';
import { newId } from '../../../src/common/ids';

/** Makes an API key by hand, as `npm run cli -- keys create` would; answers the `Authorization` header. */
export async function makeKey(db: Pool, orgId: string, userId: string, role: Role): Promise<string> {
  const key = { id: newId(), secret: newSecret() };
  await db.query('INSERT INTO organizations (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [orgId]);
  await db.query(
    'INSERT INTO api_keys (org_id, id, name, role, user_id, secret_hash) VALUES ($1, $2, $3, $4, $5, $6)',
    [orgId, key.id, 'test', role, role === 'service' ? null : userId, hashSecret(key.secret)],
  );
  return `Bearer ${formatKey(key)}`;
}
