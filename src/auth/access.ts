import { SetMetadata } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { Route } from '../http/request/route-settings';
import { authErrors } from './auth.errors';
import type { Role } from '../organizations';

/** What a route does, and which roles may do it. */
const PERMISSIONS = {
  'threads:read': ['member', 'admin', 'service'],
  'threads:write': ['member', 'admin', 'service'],
  'messages:read': ['member', 'admin', 'service'],
  'messages:write': ['member', 'admin', 'service'],
  'memory:read': ['member', 'admin', 'service'],
  'memory:write': ['member', 'admin', 'service'],
  'sessions:read': ['member', 'admin', 'service'],
  'sessions:write': ['member', 'admin', 'service'],
  'agent:run': ['member', 'admin', 'service'],
  'mcp:use': ['member', 'admin', 'service'],
  'erasures:manage': ['admin'],
  'keys:manage': ['admin'],
  'admin:read': ['admin'],
  'admin:write': ['admin'],
  'operator:read': ['admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof PERMISSIONS;

export const allows = (permission: Permission, role: Role) =>
  (PERMISSIONS[permission] as readonly Role[]).includes(role);

/** Whether it concerns the server itself, and so only the organization that runs it: `OPERATOR_ORG_ID`. */
export const isOperatorsOnly = (permission: Permission) => permission.startsWith('operator:');

/** For front doors with operations that are no routes, which the guard cannot see. @throws FORBIDDEN */
export function checkAccess(permission: Permission, role: Role): void {
  if (!allows(permission, role)) throw authErrors.FORBIDDEN(role, permission);
}

export const ACCESS = Symbol('ACCESS');
export const PUBLIC = Symbol('PUBLIC');

/** Declares what a route needs: to the hook before its body is read, and to the guard, which refuses a route that declares nothing. */
export const Access =
  (permission: Permission): MethodDecorator =>
  (target, key, descriptor: PropertyDescriptor) => {
    SetMetadata(ACCESS, permission)(target, key, descriptor);
    Route({ access: permission })(target, key, descriptor);
    ApiBearerAuth()(target, key, descriptor);
  };

/** Declares that a route needs no credentials at all: health and the reference. */
export const Public = () => SetMetadata(PUBLIC, true);
