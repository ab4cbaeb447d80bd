import { Injectable } from '@nestjs/common';
import {
  createMcpHandler,
  isLegacyRequest,
  Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { IncomingHttpHeaders } from 'node:http';
import { isObject } from '../http/request/fields';
import { VERSION } from '../http/server/version';
import { mcpErrors } from './mcp.errors';
import { ThreadResources } from './thread-resources.service';
import type { Call } from './tool';
import { ToolCalls } from './tool-calls.service';

const INSTRUCTIONS =
  'Throughline keeps conversations and facts between conversations. Look up what is remembered (list_memories, ' +
  'search_memory) before you ask the user again, save what will matter later (save_memory), and keep or pick up ' +
  'conversations (append_messages, get_context). What was said earlier is found by search_conversations. Everything belongs to the user whose credentials are in use.';

/** What the protocol puts into headers. Credentials stay outside: the guard has dealt with them. */
const PROTOCOL_HEADERS = /^(accept|content-type|mcp-.*)$/;

/**
 * Speaks the protocol. A server and a transport are made for each request and hold that request's principal, so that any
 * instance can answer any request, and no request can meet another one.
 */
@Injectable()
export class McpService {
  constructor(
    private readonly tools: ToolCalls,
    private readonly resources: ThreadResources,
  ) {}

  /**
   * The answer to one JSON-RPC message.
   * @param message the parsed body
   * @throws ONE_MESSAGE_ONLY: of a batch, nothing would bound the work
   */
  async answer(call: Call, headers: IncomingHttpHeaders, message: unknown): Promise<Response> {
    if (!isObject(message)) throw mcpErrors.ONE_MESSAGE_ONLY();
    const request = new Request('http://localhost/mcp', { method: 'POST', headers: protocolHeaders(headers) });
    if (await isLegacyRequest(request, message)) return this.answerLegacy(call, request, message);
    // Subscriptions would be connections to hold, for changes that this server does not announce.
    const handler = createMcpHandler(() => this.serverFor(call), { legacy: 'reject', maxSubscriptions: 0 });
    return handler.fetch(request, { parsedBody: message });
  }

  /** Revisions up to 2025-11-25. JSON instead of a stream: an answer is whole, or it is an error. */
  private async answerLegacy(call: Call, request: Request, message: object): Promise<Response> {
    const server = this.serverFor(call);
    await server.connect(new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true }));
    try {
      return await (server.transport as WebStandardStreamableHTTPServerTransport).handleRequest(request, {
        parsedBody: message,
      });
    } finally {
      await server.close();
    }
  }

  private serverFor(call: Call): Server {
    const server = new Server(
      { name: 'throughline', title: 'Throughline', version: VERSION },
      { capabilities: { tools: {}, resources: {} }, instructions: INSTRUCTIONS },
    );
    server.setRequestHandler('tools/list', () => this.tools.list(call));
    server.setRequestHandler('tools/call', ({ params }) => this.tools.call(call, params.name, params.arguments));
    server.setRequestHandler('resources/list', () => this.resources.list(call));
    server.setRequestHandler('resources/templates/list', () => this.resources.templates);
    server.setRequestHandler('resources/read', ({ params }) => this.resources.read(call, params.uri));
    return server;
  }
}

function protocolHeaders(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    PROTOCOL_HEADERS.test(name) && value !== undefined ? [[name, String(value)]] : [],
  );
}
