import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { catchError, from, mergeMap, type Observable, throwError } from 'rxjs';
import { Problem } from '../common/errors';
import type { Principal } from '../organizations';

type Request = FastifyRequest<{ Params: { id: string }; Querystring: { owner_id?: string } }>;

/** Wakes sessions that sleep. It is of the sessions, which stand on threads: their routes find it by this name. */
export abstract class SessionWaker {
  /**
   * @param session one of the caller's, or of an owner's who shares it
   * @returns whether it is active now
   * @throws TOO_MANY_SESSIONS
   */
  abstract wake(principal: Principal, session: { id: string; ownerId?: string }): Promise<boolean>;
}

/** Whether a request failed for that a session is not there: it may sleep. */
export const isMissingSession = (error: unknown): boolean =>
  error instanceof Problem && error.code === 'SESSION_NOT_FOUND';

/**
 * A session that was put to sleep wakes when it is asked for (N23), whatever the route: a request that did not find it is done
 * again if it slept. A session that is awake costs nothing more.
 */
@Injectable()
export class WakingInterceptor implements NestInterceptor {
  constructor(private readonly modules: ModuleRef) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const wakeAndRepeat = (error: unknown) =>
      from(this.wake(context, error)).pipe(mergeMap((woken) => (woken ? next.handle() : throwError(() => error))));
    return next.handle().pipe(catchError(wakeAndRepeat));
  }

  private async wake(context: ExecutionContext, error: unknown): Promise<boolean> {
    const { principal, params, query } = context.switchToHttp().getRequest<Request>();
    if (!principal || !isMissingSession(error)) return false;
    const waker = this.modules.get(SessionWaker, { strict: false });
    return waker.wake(principal, { id: params.id, ownerId: query.owner_id });
  }
}
