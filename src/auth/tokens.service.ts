import { Inject, Injectable } from '@nestjs/common';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { isPlainId } from '../common/ids';
import { Problem } from '../common/errors';
import { CONFIG, type Config } from '../config/config';
import type { Identity } from './acting-user';
import { authErrors, challenge } from './auth.errors';
import { readClaim } from './claims';
import { isOrgId, type Role, ROLES } from '../organizations';

const CLOCK_TOLERANCE_SECONDS = 5;
const FETCH_TIMEOUT_MS = 5000;

/* Never both kinds: a public key taken for a shared secret would let anybody sign. */
const SYMMETRIC = ['HS256'];
const ASYMMETRIC = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** How the signature of a token is checked. */
interface Keys {
  find: JWTVerifyGetKey;
  algorithms: string[];
}

/** Verifies JSON Web Tokens of the configured identity provider. */
@Injectable()
export class TokensService {
  private readonly keys?: Keys;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    const { JWT_JWKS_URL, JWT_SECRET } = config.env;
    if (JWT_JWKS_URL) this.keys = { find: remoteKeys(JWT_JWKS_URL), algorithms: ASYMMETRIC };
    else if (JWT_SECRET) this.keys = { find: sharedKey(JWT_SECRET), algorithms: SYMMETRIC };
  }

  /**
   * Whom a token belongs to, by its claims.
   * @throws INVALID_TOKEN, IDENTITY_PROVIDER_UNAVAILABLE
   */
  async verify(token: string): Promise<Identity> {
    if (!this.keys) throw invalid('this server accepts API keys only');
    return this.toIdentity(await this.readClaims(token, this.keys));
  }

  private async readClaims(token: string, { find, algorithms }: Keys): Promise<JWTPayload> {
    const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = this.config.env;
    try {
      const { payload } = await jwtVerify(token, find, {
        algorithms,
        issuer,
        audience,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      return payload;
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw invalid(describe(error)).with({ cause: error });
    }
  }

  private toIdentity(claims: JWTPayload): Identity {
    const { JWT_ORG_CLAIM, JWT_USER_CLAIM, JWT_ROLE_CLAIM } = this.config.env;
    const orgId = readClaim(claims, JWT_ORG_CLAIM);
    const userId = readClaim(claims, JWT_USER_CLAIM);
    const role = readClaim(claims, JWT_ROLE_CLAIM) ?? 'member';
    if (!isOrgId(orgId)) throw invalid(`its claim ${JWT_ORG_CLAIM} must be 1 to 64 of A-Z a-z 0-9 _ - . : @`);
    if (!isPlainId(userId)) {
      throw invalid(`its claim ${JWT_USER_CLAIM} must have 1 to 255 characters and no control characters`);
    }
    if (!isRole(role)) throw invalid(`its claim ${JWT_ROLE_CLAIM} must be one of ${ROLES.join(', ')}`);
    return { orgId, userId, role, via: 'jwt' };
  }
}

const isRole = (value: unknown): value is Role => (ROLES as readonly unknown[]).includes(value);

/* A Problem's headers survive `with`, so the challenge may come first. */
const invalid = (reason: string) => challenge(authErrors.INVALID_TOKEN(reason));

function sharedKey(secret: string): JWTVerifyGetKey {
  const key = new TextEncoder().encode(secret);
  return () => key;
}

/** Keys of a remote set. That it cannot be had is not the caller's fault, and no reason to send them to log in again. */
function remoteKeys(url: string): JWTVerifyGetKey {
  const set = createRemoteJWKSet(new URL(url), { timeoutDuration: FETCH_TIMEOUT_MS });
  return async (header, token) => {
    try {
      return await set(header, token);
    } catch (error) {
      if (isAboutTheToken(error)) throw error;
      throw authErrors.IDENTITY_PROVIDER_UNAVAILABLE().with({ cause: error, headers: { 'retry-after': '5' } });
    }
  };
}

const isAboutTheToken = (error: unknown) =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported;

/** jose's message, which names the claim and never the value; anything else is not for callers. */
function describe(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  return error instanceof errors.JOSEError ? error.message.replace(/\.$/, '') : 'it cannot be read';
}
