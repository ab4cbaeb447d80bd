import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/** What a route tells the hooks that run before its handler is known. */
interface RouteSettings {
  /** The permission that its callers need; a public route has none. */
  access?: string;
  /** Its body may have up to `BODY_LIMIT_BYTES`. */
  largeBody?: boolean;
  /** Comments are allowed in its JSON: see `withoutComments`. */
  jsonComments?: boolean;
  /** Lines of JSON come as a stream, of any size: the handler reads it, and checks what it reads. */
  takesLines?: boolean;
}

const SETTINGS = Symbol('SETTINGS');

/** Settings of a route; those of several decorators add up. */
export const Route =
  (settings: RouteSettings): MethodDecorator =>
  (target, key, descriptor: PropertyDescriptor) => {
    const handler = descriptor.value as object;
    const all = { ...(Reflect.getMetadata(SETTINGS, handler) as RouteSettings | undefined), ...settings };
    Reflect.defineMetadata(SETTINGS, all, handler);
    RouteConfig(all)(target, key, descriptor);
  };

/** For a route that takes many messages in one request. */
export const LargeBody = () => Route({ largeBody: true });

/** The settings of the route that a request is for. */
export const settingsOf = (request: Pick<FastifyRequest, 'routeOptions'>): RouteSettings =>
  (request.routeOptions.config ?? {}) as RouteSettings;
