import {
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';
import type { Principal } from '../organizations';
import { readIfMatch } from '../http/request/decorators';
import { commonErrors } from '../common/errors';
import { checkId } from '../common/ids';
import { ownerOf } from '../threads';
import type { MemoryView } from './memory.dto';
import type { SaveConditions } from './memory.service';

type UserRequest = FastifyRequest<{ Params: { user_id?: string } }>;

const requestOf = (context: ExecutionContext) => context.switchToHttp().getRequest<UserRequest>();

function callerOf({ principal }: UserRequest): Principal {
  if (!principal) throw new Error('A public route has no principal');
  return principal;
}

/**
 * Whose memory a route is about, as a principal: the caller, or the user in the path where a service key or an admin
 * names another one (C41).
 * @throws OTHER_USER, INVALID_ID
 */
export const Owner = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const request = requestOf(context);
  const caller = callerOf(request);
  const { user_id } = request.params;
  if (user_id === undefined) return caller;
  return { ...caller, userId: ownerOf(caller, { user_id: checkId('user_id', user_id) }) };
});

/** What a save says beside its body: who saves, `If-Match`, and `If-None-Match: *`. */
export interface SaveControls extends Pick<SaveConditions, 'ifMatch' | 'mustExist' | 'mustBeNew'> {
  savedBy: string;
}

/** @throws BAD_REQUEST */
export const Controls = createParamDecorator((_: unknown, context: ExecutionContext): SaveControls => {
  const request = requestOf(context);
  const none = request.headers['if-none-match']?.trim();
  if (none !== undefined && none !== '*')
    throw commonErrors.BAD_REQUEST('If-None-Match must be *: save only a new key.');
  const mustExist = request.headers['if-match']?.trim() === '*';
  const mustBeNew = none === '*';
  return { savedBy: callerOf(request).userId, mustExist, mustBeNew, ifMatch: mustBeNew ? 0 : readIfMatch(request) };
});

/** The controls of a batch: it has no version that a header could name. @throws BAD_REQUEST */
export function unconditional({ savedBy, ifMatch, mustExist }: SaveControls): Pick<SaveControls, 'savedBy'> {
  if (ifMatch === undefined && !mustExist) return { savedBy };
  throw commonErrors.BAD_REQUEST('If-Match and If-None-Match are for one key; a batch has no version.');
}

/** A body with the session of the query, where it stands on the routes that read. @throws BAD_REQUEST when they differ */
export function inSession<T extends { session_id?: string }>(body: T, query: { session_id?: string }): T {
  const { session_id = body.session_id } = query;
  if (body.session_id !== undefined && body.session_id !== session_id) {
    throw commonErrors.BAD_REQUEST('session_id is one thing in the query and another in the body.');
  }
  return { ...body, session_id };
}

/** 201 for a new key, which is what the first version means; 200 for one that was there. */
@Injectable()
export class CreatedInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<MemoryView>): Observable<MemoryView> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(tap(({ version }) => void reply.status(version === 1 ? 201 : 200)));
  }
}
