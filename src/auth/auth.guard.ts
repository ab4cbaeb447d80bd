import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config';
import { settingsOf } from '../http/request/route-settings';
import type { Principal } from '../organizations';
import { ACCESS, allows, isOperatorsOnly, type Permission, PUBLIC } from './access';
import { readUserId } from './acting-user';
import { authErrors } from './auth.errors';
import { Authenticator } from './authenticator.service';
import { DefaultIdentity } from './default-identity.service';

/**
 * Stands before every route twice: as a hook before a byte of the body is read, so that nobody unknown makes the server parse
 * anything, and as a guard before the handler, which denies what does not declare its access (design 6).
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly defaultIdentity: DefaultIdentity,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The hook. A route that declares no access is left to the guard. */
  register(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (request, _reply, done) => {
      const access = settingsOf(request).access as Permission | undefined;
      if (access === undefined) return done();
      this.admit(request, access).then(() => done(), done);
    });
  }

  /**
   * Lets a request pass, with its principal set unless the route is public.
   * @throws ACCESS_UNDECLARED, FORBIDDEN, and what `Authenticator` and `DefaultIdentity` throw
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const permission = this.reflector.get<Permission | undefined>(ACCESS, context.getHandler());
    if (!permission) {
      if (this.reflector.getAllAndOverride(PUBLIC, [context.getHandler(), context.getClass()])) return true;
      throw authErrors.ACCESS_UNDECLARED();
    }
    // Front doors that are not HTTP have no headers to read here; they call the authenticator themselves.
    if (context.getType() !== 'http') throw authErrors.ACCESS_UNDECLARED();
    await this.admit(context.switchToHttp().getRequest<FastifyRequest>(), permission);
    return true;
  }

  private async admit(request: FastifyRequest, permission: Permission): Promise<void> {
    const principal = request.principal ?? (await this.identify(request));
    if (!allows(permission, principal.role) || !this.isAllowedHere(permission, principal))
      throw authErrors.FORBIDDEN(principal.role, permission);
    request.principal = principal;
  }

  /** The server's own affairs are those of one organization, or of none. */
  private isAllowedHere(permission: Permission, { orgId }: Principal): boolean {
    return !isOperatorsOnly(permission) || orgId === this.config.env.OPERATOR_ORG_ID;
  }

  private async identify(request: FastifyRequest): Promise<Principal> {
    const { authorization } = request.headers;
    if (authorization === undefined) return this.defaultIdentity.identify(request);
    return this.authenticator.authenticate(authorization, readUserId(request.headers['x-user-id']));
  }
}
