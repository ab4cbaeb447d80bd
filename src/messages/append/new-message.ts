import { createHash } from 'node:crypto';
import { commonErrors, type FieldError } from '../../common/errors';
import { toDecimal } from '../../common/decimal';
import { newId } from '../../common/ids';
import { type Json, parseTime } from '../../common/json';
import { checkMetadata } from '../../http/request/limits';
import { type Estimator, estimateTokens } from '../../tokens/estimator';
import { textOf, toStored } from '../message-content';
import type { MessageRole, ToolCall } from '../message.entity';
import type { MessageInput } from '../messages.dto';

/** A message that is valid and counted, ready to be stored. Members that are `undefined` become SQL NULL. */
export interface NewMessage {
  id: string;
  role: MessageRole;
  content?: Json;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  name?: string;
  sender_id?: string;
  metadata: Record<string, unknown>;
  token_count: number;
  cost: string;
  client_timestamp?: string;
  /** Hex; only where the caller chose the id. */
  request_hash?: string;
}

export interface MessageRules {
  estimator: Estimator;
  metadataBytes: number;
}

/**
 * Checks what no single field can tell, and fills in what the server decides.
 * @param path of the message in the body, for error texts
 * @throws VALIDATION_FAILED, METADATA_TOO_LARGE
 */
export function toNewMessage(input: MessageInput, rules: MessageRules, path = ''): NewMessage {
  const errors = checkInput(input).map(({ field, message }) => ({ field: path + field, message }));
  if (errors.length > 0) throw commonErrors.VALIDATION_FAILED().with({ errors });
  const { content, metadata } = toStored(input.content, input.metadata);
  checkMetadata(metadata, rules.metadataBytes);
  const tool_calls = input.tool_calls?.map((call) => ({ ...call, type: call.type ?? 'function' }));
  return {
    id: input.id?.toLowerCase() ?? newId(),
    role: (input.role ?? input.sender_role) as MessageRole,
    content,
    tool_calls,
    tool_call_id: input.tool_call_id ?? undefined,
    name: input.name ?? undefined,
    sender_id: input.sender_id ?? undefined,
    metadata,
    token_count: input.token_count ?? countTokens(content, tool_calls, rules.estimator),
    cost: toDecimal(input.cost ?? 0) as string,
    client_timestamp: parseTime(input.timestamp)?.toISOString(),
    request_hash: input.id && hashOf(input),
  };
}

/** Tokens of a message: its text, and the names and arguments of its tool calls. */
export function countTokens(content: unknown, toolCalls: ToolCall[] | null | undefined, estimator: Estimator): number {
  const calls = (toolCalls ?? []).map((call) => `${call.function.name}\n${call.function.arguments}`);
  return [textOf(content), ...calls].reduce((sum, text) => sum + estimateTokens(text, estimator), 0);
}

function checkInput(input: MessageInput): FieldError[] {
  const role = input.role ?? input.sender_role;
  const hasContent = input.content !== undefined && input.content !== null;
  const hasCalls = (input.tool_calls?.length ?? 0) > 0;
  const problems: [wrong: boolean, field: string, message: string][] = [
    [role === undefined, 'role', 'role is required'],
    [
      !!input.role && !!input.sender_role && input.role !== input.sender_role,
      'sender_role',
      'sender_role differs from role',
    ],
    [!hasContent && !hasCalls, 'content', 'content is required unless the message calls tools'],
    [hasCalls && role !== 'assistant', 'tool_calls', 'tool_calls belong to the role assistant'],
    [
      role === 'tool' && !namesTool(input),
      'tool_call_id',
      'tool_call_id (or metadata.tool_name) is required for the role tool',
    ],
  ];
  return problems.filter(([wrong]) => wrong).map(([, field, message]) => ({ field, message }));
}

const namesTool = ({ tool_call_id, metadata }: MessageInput) =>
  typeof tool_call_id === 'string' || typeof metadata?.tool_name === 'string';

/** Of the request, not of the row: a retry stays a retry after the message was edited. */
function hashOf(input: MessageInput): string {
  const { id: _, ...rest } = input;
  return createHash('sha256')
    .update(JSON.stringify(sorted(rest)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]);
}
