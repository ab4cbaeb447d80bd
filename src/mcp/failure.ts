import { Logger } from '@nestjs/common';
import { commonErrors, Problem } from '../common/errors';
import type { Call } from './tool';

const logger = new Logger('Mcp');

/** Any error as one of the tables'. The cause of what the server is to blame for goes to the log only. */
export function toProblem(error: unknown, { requestId }: Call): Problem {
  const problem = error instanceof Problem ? error : commonErrors.INTERNAL_ERROR().with({ cause: error });
  if (problem.status >= 500) logger.error({ request_id: requestId, code: problem.code, err: describe(problem.cause) });
  return problem;
}

/** What the log may hold of an error: pg's `detail` and `where` repeat row contents (X12). */
function describe(cause: unknown): Record<string, unknown> {
  if (!(cause instanceof Error)) return { message: String(cause) };
  return { name: cause.name, message: cause.message, code: (cause as { code?: string }).code, stack: cause.stack };
}
