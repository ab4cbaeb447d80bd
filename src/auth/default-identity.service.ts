import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config';
import { actAs, readUserId } from './acting-user';
import { authErrors, challenge } from './auth.errors';
import type { Principal } from '../organizations';

const LOOPBACK_ADDRESS = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/i;
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
/** What a proxy or a tunnel adds: the caller behind it may be anybody, although its own connection comes from this machine. */
const PROXY_HEADER = /^(forwarded|via|x-real-ip|x-forwarded.*|.*-client-ip|cf-.*|tailscale-.*)$/;

/**
 * Who a request without credentials is: nobody, or in a set-up for one person on one machine the default user.
 * There, any page in the person's browser can reach the server too, so that a request must come from this machine,
 * to a name of this machine, and not from a page of another site.
 */
@Injectable()
export class DefaultIdentity implements OnApplicationBootstrap {
  private readonly logger = new Logger('Auth');

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  onApplicationBootstrap(): void {
    if (!this.config.defaultIdentity) return;
    const { DEFAULT_USER_ID, DEFAULT_ORG_ID } = this.config.env;
    this.logger.warn(
      `Requests without credentials are ${DEFAULT_USER_ID} of ${DEFAULT_ORG_ID}, because the database is the embedded ` +
        'one, HOST is a loopback address and NODE_ENV is not production. ALLOW_DEFAULT_IDENTITY=false turns this off.',
    );
  }

  /**
   * The principal of a request without credentials.
   * @throws UNAUTHENTICATED, HOST_NOT_LOOPBACK, CROSS_SITE_REQUEST, USER_ID_MISMATCH
   */
  identify(request: FastifyRequest): Principal {
    const { DEFAULT_ORG_ID: orgId, DEFAULT_USER_ID: userId } = this.config.env;
    if (!this.config.defaultIdentity || !isLocal(request)) throw challenge(authErrors.UNAUTHENTICATED());
    const { headers } = request;
    const host = headers.host ?? '';
    // A page may point its own name at 127.0.0.1 (DNS rebinding), but it cannot choose another Host.
    if (!LOOPBACK_HOST.test(host)) throw authErrors.HOST_NOT_LOOPBACK();
    if (isCrossSite(headers, host)) throw authErrors.CROSS_SITE_REQUEST();
    return actAs({ orgId, userId, role: 'member', via: 'default' }, readUserId(headers['x-user-id']));
  }
}

/** Programs of this machine speak HTTP/1.1; nginx speaks 1.0 to what is behind it, unless it is told otherwise. */
const isLocal = ({ headers, socket, raw }: FastifyRequest) =>
  LOOPBACK_ADDRESS.test(socket.remoteAddress ?? '') &&
  raw.httpVersion !== '1.0' &&
  !Object.keys(headers).some((name) => PROXY_HEADER.test(name));

function isCrossSite(headers: FastifyRequest['headers'], host: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin } = headers;
  if (origin === undefined) return false;
  // Other ports of this machine are other people's pages as well. `null` is the origin of sandboxed ones.
  return !URL.canParse(origin) || new URL(origin).host !== new URL(`http://${host}`).host;
}
