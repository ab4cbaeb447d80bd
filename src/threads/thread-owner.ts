import type { Principal } from '../organizations/principal';
import { threadErrors } from './threads.errors';

interface NamedOwner {
  user_id?: string;
  org_id?: string;
}

/**
 * The user that a request means: the caller, or another one where a service key or an admin names them (C41).
 * @throws OTHER_USER, OTHER_ORGANIZATION
 */
export function ownerOf(principal: Principal, { user_id, org_id }: NamedOwner): string {
  if (org_id !== undefined && org_id !== principal.orgId) throw threadErrors.OTHER_ORGANIZATION();
  if (user_id === undefined || user_id === principal.userId) return principal.userId;
  if (principal.role === 'member') throw threadErrors.OTHER_USER();
  return user_id;
}
