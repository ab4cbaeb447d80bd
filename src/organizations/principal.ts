import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

export const ROLES = ['member', 'admin', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** Who calls: set by the guard, taken by every service method first (design 1). */
export interface Principal {
  readonly orgId: string;
  readonly userId: string;
  readonly role: Role;
  /** Whether every thread of the organization is in sight: for admins. */
  readonly seesOrganization: boolean;
  /** By what they call: the id of an API key, `jwt`, `default` without credentials, `cli` on the command line. */
  readonly via: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    principal?: Principal;
  }
}

const ORG_ID = /^[A-Za-z0-9_\-.:@]{1,64}$/;

/** Whether a text may be the id of an organization (design 1). */
export const isOrgId = (value: unknown): value is string => typeof value === 'string' && ORG_ID.test(value);

/** Makes the principal of a role. */
export const makePrincipal = (orgId: string, userId: string, role: Role, via = 'cli'): Principal => ({
  orgId,
  userId,
  role,
  seesOrganization: role === 'admin',
  via,
});

/** The principal of the request, in a handler's parameters. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new Error('A public route has no principal');
  return principal;
});
