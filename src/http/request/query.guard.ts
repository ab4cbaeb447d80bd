import { type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum';
import type { FastifyRequest } from 'fastify';
import { commonErrors } from '../../common/errors';

type Handler = ReturnType<ExecutionContext['getHandler']>;

/**
 * Refuses query parameters on a route that takes none: what a route takes is in the class of its `@Query`, by which the
 * pipe validates. Whoever sends `undo?turns=3` means something, and must not get something else (X06).
 */
export class QueryGuard implements CanActivate {
  private readonly takers = new WeakMap<Handler, boolean>();

  /** @throws VALIDATION_FAILED */
  canActivate(context: ExecutionContext): boolean {
    const names = Object.keys(context.switchToHttp().getRequest<FastifyRequest>().query as object);
    if (names.length === 0 || this.takesQuery(context)) return true;
    const errors = names.slice(0, 100).map((field) => ({ field, message: `${field} is not known here` }));
    throw commonErrors.VALIDATION_FAILED().with({ errors });
  }

  private takesQuery(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    let takes = this.takers.get(handler);
    if (takes === undefined) this.takers.set(handler, (takes = hasQuery(context.getClass(), handler)));
    return takes;
  }
}

/** Nest keeps the parameters of a handler under keys of their kind and their place. */
function hasQuery(controller: object, { name }: Handler): boolean {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as object;
  return Object.keys(parameters).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
}
