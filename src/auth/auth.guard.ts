import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config';
import { ACCESS, allows, type Permission, PUBLIC } from './access';
import { readUserId } from './acting-user';
import { authErrors } from './auth.errors';
import { Authenticator } from './authenticator.service';
import { DefaultIdentity } from './default-identity.service';
import type { Principal } from '../organizations';

/** Stands before every route, and denies what does not declare its access (design 6). */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly defaultIdentity: DefaultIdentity,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

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
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await this.identify(request);
    if (!allows(permission, principal.role) || this.isOperatorsOnly(permission, principal))
      throw authErrors.FORBIDDEN(principal.role, permission);
    request.principal = principal;
    return true;
  }

  /** The server's own affairs are not those of every tenant. */
  private isOperatorsOnly(permission: Permission, { orgId }: Principal): boolean {
    const operator = this.config.env.OPERATOR_ORG_ID;
    return permission.startsWith('admin:') && operator !== undefined && operator !== orgId;
  }

  private async identify(request: FastifyRequest): Promise<Principal> {
    const { authorization } = request.headers;
    if (authorization === undefined) return this.defaultIdentity.identify(request);
    return this.authenticator.authenticate(authorization, readUserId(request.headers['x-user-id']));
  }
}
