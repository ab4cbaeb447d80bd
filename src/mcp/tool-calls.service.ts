import { Injectable } from '@nestjs/common';
import { type CallToolResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { allows, checkAccess } from '../auth';
import type { Problem } from '../common/errors';
import { isObject } from '../http/request/fields';
import { isMissingSession, SessionWaker } from '../threads';
import { ConversationTools } from './conversation-tools.service';
import { toProblem } from './mcp.errors';
import { MemoryTools } from './memory-tools.service';
import { SearchTools } from './search-tools.service';
import type { Call, Tool } from './tool';

/** The tools, and what comes of calling one. */
@Injectable()
export class ToolCalls {
  private readonly tools: ReadonlyMap<string, Tool>;

  constructor(
    memory: MemoryTools,
    conversations: ConversationTools,
    search: SearchTools,
    private readonly sessions: SessionWaker,
  ) {
    const tools = [...memory.tools, ...conversations.tools, ...search.tools];
    this.tools = new Map(tools.map((tool) => [tool.definition.name, tool]));
  }

  /** The tools that the caller's role may use. */
  list({ principal: { role } }: Call) {
    const usable = [...this.tools.values()].filter(({ permissions }) => permissions.every((one) => allows(one, role)));
    return { tools: usable.map(({ definition }) => definition) };
  }

  /** What a tool runs into is its result, which the model reads. @throws ProtocolError when there is no such tool */
  async call(call: Call, name: string, input: unknown = {}): Promise<CallToolResult> {
    const tool = this.tools.get(name);
    if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool ${name}.`);
    try {
      for (const permission of tool.permissions) checkAccess(permission, call.principal.role);
      return toResult(await this.run(tool, call, input));
    } catch (error) {
      return toErrorResult(toProblem(error, call), call);
    }
  }

  /** A session that sleeps wakes, as on the routes of sessions. */
  private async run(tool: Tool, { principal }: Call, input: unknown): Promise<object> {
    try {
      return await tool.run(principal, input);
    } catch (error) {
      const id = isObject(input) ? input.session_id : undefined;
      const woken = isMissingSession(error) && typeof id === 'string' && (await this.sessions.wake(principal, { id }));
      if (!woken) throw error;
      return tool.run(principal, input);
    }
  }
}

/** Structured, and as the text that clients without structure show to their model. */
const toResult = (answer: object): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(answer) }],
  structuredContent: { ...answer },
});

function toErrorResult({ code, status, message, errors, members }: Problem, { requestId }: Call): CallToolResult {
  const lines = [`${code}: ${message}`, ...(errors ?? []).map((error) => `${error.field}: ${error.message}`)];
  const problem = { code, status, detail: message, request_id: requestId, ...members };
  return {
    isError: true,
    content: [{ type: 'text', text: lines.join('\n') }],
    structuredContent: errors ? { ...problem, errors } : problem,
  };
}
