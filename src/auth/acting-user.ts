import { isUtf8 } from 'node:buffer';
import { commonErrors } from '../common/errors';
import { checkId } from '../common/ids';
import { authErrors } from './auth.errors';
import { makePrincipal, type Principal, type Role } from '../organizations';

/** Whom credentials belong to. */
export interface Identity {
  orgId: string;
  /** The user; null for a service key, which has none of its own. */
  userId: string | null;
  role: Role;
  /** The id of an API key, `jwt`, or `default`. */
  via: string;
}

/**
 * The principal of a request: who the credentials say, or for a service the user that the request names.
 * @param named the user in `X-User-Id`, if there is one
 * @throws USER_ID_REQUIRED, USER_ID_MISMATCH, INVALID_ID
 */
export function actAs({ orgId, userId, role, via }: Identity, named: string | undefined): Principal {
  const user = named === undefined ? undefined : checkId('X-User-Id', named);
  if (role === 'service') {
    if (user === undefined) throw authErrors.USER_ID_REQUIRED();
    return makePrincipal(orgId, user, role, via);
  }
  if (userId === null || (user !== undefined && user !== userId)) throw authErrors.USER_ID_MISMATCH();
  return makePrincipal(orgId, userId, role, via);
}

/**
 * The text of the header. Node reads header bytes as Latin-1; a user id is sent as UTF-8.
 * @throws INVALID_ID when the bytes are no UTF-8
 */
export function readUserId(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const bytes = Buffer.from(String(header), 'latin1');
  if (!isUtf8(bytes)) throw commonErrors.INVALID_ID('X-User-Id');
  return bytes.toString('utf8');
}
