import { Injectable } from '@nestjs/common';
import { actAs, type Identity } from './acting-user';
import { KEY_PREFIX } from './api-keys/api-key';
import { authErrors, challenge } from './auth.errors';
import { KeyVerifier } from './api-keys/key-verifier.service';
import type { Principal } from '../organizations';
import { TokensService } from './tokens.service';

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** Finds out who calls, from what they present; for every front door. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly keys: KeyVerifier,
    private readonly tokens: TokensService,
  ) {}

  /**
   * The principal of a call.
   * @param authorization `Bearer` and an API key or a JSON Web Token
   * @param named the user that a service acts for
   * @throws UNAUTHENTICATED, INVALID_API_KEY, INVALID_TOKEN, USER_ID_REQUIRED, USER_ID_MISMATCH, INVALID_ID,
   *   STORE_UNAVAILABLE, IDENTITY_PROVIDER_UNAVAILABLE
   */
  async authenticate(authorization: string, named?: string): Promise<Principal> {
    const credentials = BEARER.exec(authorization)?.[1];
    if (!credentials) throw challenge(authErrors.UNAUTHENTICATED());
    const identity = credentials.startsWith(KEY_PREFIX)
      ? await this.identifyKey(credentials)
      : await this.tokens.verify(credentials);
    return actAs(identity, named);
  }

  private async identifyKey(text: string): Promise<Identity> {
    const { org_id, user_id, role, id: via } = await this.keys.verify(text);
    return { orgId: org_id, userId: user_id, role, via };
  }
}
