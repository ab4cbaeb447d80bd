import { defineErrors } from '../common/errors';

/** Errors of the MCP front door itself; what a tool runs into are the errors of its feature. */
export const mcpErrors = defineErrors({
  METHOD_NOT_ALLOWED: [405, 'MCP messages are sent by POST; there are no streams to open and no sessions to end.'],
  ORIGIN_NOT_ALLOWED: [403, 'Pages of other sites are refused.'],
  ONE_MESSAGE_ONLY: [400, 'The body must be one JSON-RPC message: an object, not a batch.'],
});
