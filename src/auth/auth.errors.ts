import { defineErrors, type Problem } from '../common/errors';

/** Errors of identity and of API keys. */
export const authErrors = defineErrors({
  UNAUTHENTICATED: [401, 'Send an API key or a token as "Authorization: Bearer …".'],
  INVALID_API_KEY: [401, 'The API key is unknown, revoked or expired.'],
  INVALID_TOKEN: [401, (reason: string) => `The token is not accepted: ${reason}.`],
  FORBIDDEN: [403, (role: string, permission: string) => `The role ${role} does not include ${permission}.`],
  ACCESS_UNDECLARED: [403, 'The route does not declare who may use it, so nobody may.'],
  USER_ID_REQUIRED: [400, 'A service acts for one of its users: name them in the X-User-Id header.'],
  USER_ID_MISMATCH: [403, 'X-User-Id names another user than the credentials; only a service may act for others.'],
  HOST_NOT_LOOPBACK: [403, 'Without credentials, the server must be addressed as localhost, 127.0.0.1 or [::1].'],
  CROSS_SITE_REQUEST: [403, 'Without credentials, pages of other sites are refused.'],
  IDENTITY_PROVIDER_UNAVAILABLE: [503, 'The key set of the identity provider cannot be fetched. Retry later.'],
  KEY_NOT_FOUND: [404, (id: string) => `API key ${id} does not exist.`],
});

/** Says to the caller, as RFC 6750 asks, how to authenticate, and what was wrong with what was sent. */
export const challenge = (problem: Problem): Problem =>
  problem.with({
    headers: {
      'www-authenticate': problem.code === 'UNAUTHENTICATED' ? 'Bearer' : 'Bearer error="invalid_token"',
    },
  });
