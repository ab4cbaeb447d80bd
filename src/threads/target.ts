import { createParamDecorator, type ExecutionContext, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { commonErrors } from '../common/errors';
import { checkId, isPlainId, isUuid } from '../common/ids';
import { field, satisfies } from '../http/request/fields';
import type { Principal } from '../organizations';
import { WakingInterceptor } from './session-waking';
import { threadErrors } from './threads.errors';

/** Which thread a request means: one by its own id, or the one of the caller's session. */
export interface Target {
  readonly by: 'thread' | 'session';
  readonly id: string;
}

/**
 * A session of somebody else's, whose owner the request names. An id alone is always the caller's own session: any colleague
 * could otherwise plant a conversation under the ids that an application uses for the caller.
 */
export interface SharedSession {
  readonly by: 'shared';
  readonly ownerId: string;
  readonly id: string;
}

/** Capitals in an id of a thread are as good; answers show small letters. */
export const byThread = (id: string): Target => ({ by: 'thread', id: id.toLowerCase() });
export const bySession = (id: string): Target => ({ by: 'session', id });

/** Names the thread for those who write to it at the same time; sessions of two users may have the same name. */
export const gateOf = ({ userId }: Principal, { by, id }: Target) =>
  by === 'thread' ? id : JSON.stringify([userId, id]);

type Request = FastifyRequest<{ Params: { id: string }; Querystring: { owner_id?: unknown } }>;

const readTarget = createParamDecorator(
  (kind: Target['by'] | 'shared', context: ExecutionContext): Target | SharedSession => {
    const { params, query, principal } = context.switchToHttp().getRequest<Request>();
    if (kind === 'thread') return byThread(checkId('id', params.id));
    const id = checkSessionId(params.id);
    const { owner_id: ownerId } = query;
    if (kind === 'session' && ownerId !== undefined) {
      throw commonErrors.BAD_REQUEST('owner_id is not for this route: use the one of the thread under the session.');
    }
    const isOthers = typeof ownerId === 'string' && ownerId !== principal?.userId;
    return isOthers ? { by: 'shared', ownerId, id } : bySession(id);
  },
);

/**
 * The conversation in a path: `@ConversationTarget('thread')` on routes of threads, `'session'` on those of the caller's own
 * sessions, `'shared'` on those that also take a session of somebody else's, which `owner_id` says: a `SharedSession`.
 * @param opens whether the route itself makes the session that is not there; on others, one that sleeps is woken
 * @throws INVALID_ID, SESSION_ID_RESERVED, BAD_REQUEST for an owner on a route that knows the caller's own sessions only: it
 *   must not take another's for one of those
 */
export const ConversationTarget =
  (kind: Target['by'] | 'shared', { opens = false } = {}): ParameterDecorator =>
  (prototype, name, index) => {
    readTarget(kind)(prototype, name, index);
    const handler = name && Object.getOwnPropertyDescriptor(prototype, name);
    if (handler && kind !== 'thread' && !opens) UseInterceptors(WakingInterceptor)(prototype, name, handler);
  };

/** Of a pair of routes that do the same for threads and for sessions: what differs, by which of them it is. */
export const eitherOf =
  (by: Target['by']) =>
  <T>(ofThread: T, ofSession: T): T =>
    by === 'thread' ? ofThread : ofSession;

/** Words of the routes beside `/sessions/{id}`: a session of that name could not be reached (C45). */
const RESERVED = ['current', 'search', 'export', 'import', 'batch-get'];

/** @throws INVALID_ID, SESSION_ID_RESERVED */
export function checkSessionId(id: string): string {
  if (RESERVED.includes(id)) throw threadErrors.SESSION_ID_RESERVED(id);
  return checkId('session_id', id);
}

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

/** The 404 of a thread or a session. */
export const notFound = ({ by, id }: Target | SharedSession) =>
  by === 'thread' ? threadErrors.THREAD_NOT_FOUND(id) : threadErrors.SESSION_NOT_FOUND();

/** What is no UUID names no thread: the same 404 as for an unknown one. @throws THREAD_NOT_FOUND */
export function checkTarget(target: Target): void {
  if (target.by === 'thread' && !isUuid(target.id)) throw notFound(target);
}

/**
 * The user that a request means: the caller, or another one where a service key or an admin names them (C41).
 * @throws OTHER_USER, OTHER_ORGANIZATION
 */
export function ownerOf(principal: Principal, { user_id, org_id }: { user_id?: string; org_id?: string }): string {
  if (org_id !== undefined && org_id !== principal.orgId) throw threadErrors.OTHER_ORGANIZATION();
  if (user_id === undefined || user_id === principal.userId) return principal.userId;
  if (principal.role === 'member') throw threadErrors.OTHER_USER();
  return user_id;
}
