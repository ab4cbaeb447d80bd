import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { field, satisfies } from '../common/fields';
import { checkId, isPlainId } from '../common/ids';
import { sessionErrors } from './sessions.errors';

/** Words of the routes beside `/sessions/{id}`: a session of that name could not be reached (C45). */
const RESERVED = ['current', 'search', 'export', 'import', 'batch-get'];

/** @throws INVALID_ID, SESSION_ID_RESERVED */
export function checkSessionId(id: string): string {
  if (RESERVED.includes(id)) throw sessionErrors.SESSION_ID_RESERVED(id);
  return checkId('session_id', id);
}

/** The session's id in a path. @throws INVALID_ID, SESSION_ID_RESERVED */
export const SessionId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { params } = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id: string } }>>();
  return checkSessionId(params.id);
});

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
