import { Client as McpClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Client } from './client';

export type { McpClient };

/** The protocol's revisions come in two kinds, which the server tells apart by the request. */
export const ERAS = ['legacy', 'modern'] as const;
export type Era = (typeof ERAS)[number];

/** The official client of the protocol, connected as the principal of a REST client. */
export async function connectMcp(url: string, { headers }: Pick<Client, 'headers'>, era: Era = 'legacy') {
  const mode = era === 'modern' ? { mode: { pin: '2026-07-28' } } : { mode: 'legacy' as const };
  const client = new McpClient({ name: 'test', version: '1.0.0' }, { versionNegotiation: mode });
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));
  return client;
}

/** What a tool answers, or fails the test. */
export async function callTool(client: McpClient, name: string, input: Record<string, unknown> = {}): Promise<any> {
  const { isError, content, structuredContent } = await client.callTool({ name, arguments: input });
  const [block] = content;
  if (isError || block.type !== 'text') throw new Error(JSON.stringify(content));
  expect(JSON.parse(block.text)).toEqual(structuredContent);
  return structuredContent;
}

/** The call fails as a tool, with this code, and says nothing of how the server is made. */
export async function expectToolError(client: McpClient, name: string, input: Record<string, unknown>, code: string) {
  const { isError, content, structuredContent } = await client.callTool({ name, arguments: input });
  expect({ isError, structuredContent, content }).toMatchObject({
    isError: true,
    structuredContent: { code, status: expect.any(Number), detail: expect.any(String), request_id: expect.any(String) },
    content: [{ type: 'text', text: expect.stringMatching(new RegExp(`^${code}: .`)) }],
  });
  expect(JSON.stringify(content)).not.toMatch(/\.(ts|js):\d+|\bat \w+.*\(/);
  return structuredContent as any;
}
