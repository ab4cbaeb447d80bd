import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { localhostAllowedOrigins, validateOriginHeader } from '@modelcontextprotocol/server';
import type { FastifyRequest } from 'fastify';
import { mcpErrors } from './mcp.errors';

/**
 * Refuses requests from pages of other sites, as the protocol asks of its servers. Programs send no `Origin`; a page may
 * be one of this host or of this machine. A page that has its own name point here (DNS rebinding) is of the same host, but
 * holds no key, and without one the default identity insists on a loopback name.
 */
@Injectable()
export class OriginGuard implements CanActivate {
  /** @throws ORIGIN_NOT_ALLOWED */
  canActivate(context: ExecutionContext): boolean {
    const { origin, host } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    const allowed = [...localhostAllowedOrigins(), ...hostnameOf(host)];
    if (!validateOriginHeader(origin, allowed).ok) throw mcpErrors.ORIGIN_NOT_ALLOWED();
    return true;
  }
}

function hostnameOf(host = ''): string[] {
  const url = `http://${host}`;
  return URL.canParse(url) ? [new URL(url).hostname] : [];
}
