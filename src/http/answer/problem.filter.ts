import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { commonErrors, Problem } from '../../common/errors';

/** The one place that turns an error into an answer: RFC 9457 `application/problem+json` (design 5). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const problem = toProblem(error, request);
    // The cause is for the log only: it may name tables, hosts or other tenants.
    if (problem.status >= 500) this.logger.error({ request_id: request.id, code: problem.code, err: describe(error) });
    sendProblem(problem, request, http.getResponse<FastifyReply>());
  }
}

/** Writes a problem as the answer; used by the filter, and for what fails before a route is found. */
export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  // C09: a DELETE that found nothing says so in the terms of one that did.
  const foundNothing = request.method === 'DELETE' && problem.status === 404 && problem.code !== 'ROUTE_NOT_FOUND';
  const text = problemText(foundNothing ? withDeleted(problem) : problem, request.id);
  // A stream may have begun its answer; then there is nothing left to say on this connection.
  if (reply.sent) return;
  void reply
    .status(problem.status)
    .headers({ ...problem.headers, 'content-type': PROBLEM_TYPE })
    .send(text);
}

const withDeleted = (problem: Problem) => problem.with({ members: { deleted: false, ...problem.members } });

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** The code as a title for people. */
export const titleOf = ({ code }: Problem) => code.charAt(0) + code.slice(1).toLowerCase().replaceAll('_', ' ');

/** The document of a problem. */
export function problemText(problem: Problem, requestId: string): string {
  const { code, status, message: detail, errors, members } = problem;
  const document = { type: 'about:blank', title: titleOf(problem), status, detail, code, request_id: requestId };
  return JSON.stringify({ ...document, ...members, ...(errors && { errors }) });
}

/** Any error as one of the tables'; what nobody foresaw is `INTERNAL_ERROR`. */
export function toProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number })?.statusCode;
  const message = error instanceof Error ? error.message : String(error);
  if (status === 404) return commonErrors.ROUTE_NOT_FOUND(`${request.method} ${request.url.split('?')[0]}`);
  if (status === 413) return commonErrors.BODY_TOO_LARGE(request.routeOptions?.bodyLimit ?? 0);
  if (status === 415) return commonErrors.JSON_ONLY();
  if (status === 503) return commonErrors.STORE_UNAVAILABLE();
  if (status && status >= 400 && status < 500) return commonErrors.BAD_REQUEST(message);
  return commonErrors.INTERNAL_ERROR().with({ cause: error });
}

/** What the log may hold of an error: pg's `detail` and `where` repeat row contents (X12). */
function describe(error: unknown): Record<string, unknown> {
  const chain = error instanceof Problem && error.cause ? error.cause : error;
  if (!(chain instanceof Error)) return { message: String(chain) };
  return { name: chain.name, message: chain.message, code: (chain as { code?: string }).code, stack: chain.stack };
}
