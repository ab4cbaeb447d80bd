import { Logger } from '@nestjs/common';
import { commonErrors, defineErrors, Problem } from '../common/errors';
import type { Call } from './tool';

/** Errors of the MCP front door itself; what a tool runs into are the errors of its feature. */
export const mcpErrors = defineErrors({
  METHOD_NOT_ALLOWED: [405, 'MCP messages are sent by POST; there are no streams to open and no sessions to end.'],
  ORIGIN_NOT_ALLOWED: [403, 'Pages of other sites are refused.'],
  ONE_MESSAGE_ONLY: [400, 'The body must be one JSON-RPC message: an object, not a batch.'],
});

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
