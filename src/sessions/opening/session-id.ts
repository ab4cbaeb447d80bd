import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { commonErrors } from '../../common/errors';
import { field, satisfies } from '../../http/request/fields';
import { checkId, isPlainId } from '../../common/ids';
import { sessionErrors } from '../sessions.errors';

/** Words of the routes beside `/sessions/{id}`: a session of that name could not be reached (C45). */
const RESERVED = ['current', 'search', 'export', 'import', 'batch-get'];

/** @throws INVALID_ID, SESSION_ID_RESERVED */
export function checkSessionId(id: string): string {
  if (RESERVED.includes(id)) throw sessionErrors.SESSION_ID_RESERVED(id);
  return checkId('session_id', id);
}

type Request = FastifyRequest<{ Params: { id: string }; Querystring: { owner_id?: unknown } }>;

/**
 * The session's id in a path. Who names an owner means somebody else's session: a route that knows the caller's own only
 * must not take it for one of those.
 * @throws INVALID_ID, SESSION_ID_RESERVED, BAD_REQUEST
 */
export const SessionId = createParamDecorator(
  (options: { mayBeShared: true } | undefined, context: ExecutionContext): string => {
    const { params, query } = context.switchToHttp().getRequest<Request>();
    if (!options && query.owner_id !== undefined) {
      throw commonErrors.BAD_REQUEST('owner_id is not for this route: use the one of the thread under the session.');
    }
    return checkSessionId(params.id);
  },
);

/** The id of a session in a body; empty or null means none (S04). */
export const SessionIdField = (description: string) =>
  field(
    { description, nullable: true, example: 'user_7_notebook_nb-1' },
    { type: String, maxLength: 255 },
    satisfies(
      'isSessionId',
      'have at most 255 characters and no control characters',
      (value) => value === '' || isPlainId(value),
    ),
  );
