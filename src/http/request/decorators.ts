import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { commonErrors } from '../../common/errors';
import { checkId } from '../../common/ids';

/** A path parameter that is an id: 400 `INVALID_ID` when it cannot be one, whatever it names. */
export const Id = createParamDecorator((name: string, context: ExecutionContext): string => {
  const { params } = context.switchToHttp().getRequest<FastifyRequest<{ Params: Record<string, string> }>>();
  return checkId(name, params[name]);
});

/**
 * The version that `If-Match` demands; `undefined` when there is none or it is `*`.
 * @throws BAD_REQUEST
 */
export function readIfMatch({ headers }: FastifyRequest): number | undefined {
  const header = headers['if-match']?.trim();
  if (header === undefined || header === '*') return undefined;
  const version = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header)?.[1];
  if (!version) throw commonErrors.BAD_REQUEST('If-Match must be one ETag of this resource, such as "7".');
  return Number(version);
}

/** The versions in `If-None-Match`. What is no ETag of ours is no error: it just isn't what the caller has. */
export function readIfNoneMatch({ headers }: FastifyRequest): number[] {
  const header = headers['if-none-match'];
  if (header === undefined) return [];
  return [...header.matchAll(/(?<=^|[\s,]|W\/)"(\d{1,15})"/g)].map(([, version]) => Number(version));
}

/** The one version that the caller of a read has; `undefined` when there is none, or several. */
export const IfNoneMatch = createParamDecorator((_: unknown, context: ExecutionContext): number | undefined => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const versions = readIfNoneMatch(request);
  return request.method === 'GET' && versions.length === 1 ? versions[0] : undefined;
});

/** `readIfMatch` in a handler's parameters. */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext) =>
  readIfMatch(context.switchToHttp().getRequest<FastifyRequest>()),
);
