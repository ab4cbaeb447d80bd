import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { commonErrors, type FieldError } from '../../common/errors';
import { toDecimal } from '../../common/decimal';
import { newId } from '../../common/ids';
import { exceedsJsonBytes, type Json, parseTime } from '../../common/json';
import { checkMetadata } from '../../http/request/limits';
import type { Precondition } from '../../http/request/versions';
import type { Principal } from '../../organizations';
import type { AutoSummarize } from '../../threads';
import { contentTokens, estimateTokens, type Estimator } from '../../tokens';
import { toStored } from '../message-views';
import type { MessageRole, MessageRow, ToolCall } from '../message.entity';
import type { MessageInput } from '../messages.dto';
import { messageErrors } from '../messages.errors';

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

/** Messages as they are sent to the database. */
export interface Prepared {
  messages: NewMessage[];
  /** Each as JSON. */
  json: string[];
}

/** An append that is valid and counted, before it meets the database. */
export interface Append extends Prepared {
  /** Characters of all. */
  size: number;
  expected: Precondition;
  /** Position of the first message, if the caller gave one (P54). */
  startSeq?: number;
  isBatch: boolean;
  /** Whether a tool's result must follow its call (C50). */
  strict: boolean;
}

export interface MessageRules {
  estimator: Estimator;
  /** Of the whole message, as JSON. */
  bytes: number;
  metadataBytes: number;
}

/**
 * Checks what no single field can tell, and fills in what the server decides.
 * @param path of the message in the body, for error texts
 * @throws VALIDATION_FAILED, METADATA_TOO_LARGE, MESSAGE_TOO_LARGE
 */
export function toNewMessage(input: MessageInput, rules: MessageRules, path = ''): NewMessage {
  const errors = checkInput(input).map(({ field, message }) => ({ field: path + field, message }));
  if (errors.length > 0) throw commonErrors.VALIDATION_FAILED().with({ errors });
  checkSize(input, rules.bytes, path);
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

/** Tokens of a message: every part of its content, and the names and arguments of its tool calls. */
export function countTokens(content: unknown, toolCalls: ToolCall[] | null | undefined, estimator: Estimator): number {
  const calls = (toolCalls ?? []).map((call) => `${call.function.name}\n${call.function.arguments}`);
  const count = (text: string) => estimateTokens(text, estimator);
  return calls.reduce((sum, call) => sum + count(call), contentTokens(content, count));
}

/** Who wrote a message, as its columns. */
export type Author = Pick<MessageRow, 'created_by' | 'created_via'>;

/** What the server says of who writes (A01). */
export const authorOf = ({ userId, via }: Pick<Principal, 'userId' | 'via'>): Author => ({
  created_by: userId,
  created_via: via,
});

/** The place of a new message in its thread, and who wrote it. */
type Placement = Pick<MessageRow, 'thread_id' | 'seq' | 'created_at'> & Author;

/** A message that was just stored, without reading it again. */
export const toRow = (message: NewMessage, { thread_id, seq, created_at, ...author }: Placement): MessageRow => ({
  thread_id,
  seq,
  id: message.id,
  role: message.role,
  has_content: message.content !== undefined,
  content: message.content ?? null,
  tool_calls: message.tool_calls ?? null,
  tool_call_id: message.tool_call_id ?? null,
  name: message.name ?? null,
  sender_id: message.sender_id ?? null,
  metadata: message.metadata,
  token_count: message.token_count,
  cost: message.cost,
  client_timestamp: message.client_timestamp ?? null,
  ...author,
  created_at,
  updated_at: created_at,
});

/** What an append tells of the thread, in one row. */
export interface Appended {
  thread_id: string;
  /** Number of the last message before the new ones. */
  base: number;
  message_count: number;
  version: number;
  updated_at: Date;
  token_count: number;
  auto_summarize: AutoSummarize | null;
}

/** The messages of an append that was just stored. */
export function toRows(principal: Principal, messages: NewMessage[], appended: Appended): MessageRow[] {
  const { thread_id, base } = appended;
  const of = { thread_id, created_at: appended.updated_at.toISOString(), ...authorOf(principal) };
  return messages.map((message, i) => toRow(message, { ...of, seq: base + i + 1 }));
}

/** Whether a message says what is stored already: role, content and tool calls. */
export function isSameMessage(message: NewMessage, row: MessageRow): boolean {
  const sent = [message.role, message.content ?? null, message.tool_calls ?? null, message.tool_call_id ?? null];
  return isDeepStrictEqual(sent, [row.role, row.content, row.tool_calls, row.tool_call_id]);
}

/** Whether a row may stand for a message of a saved state as it is: all that the caller can say is equal (C19). */
export function isUnchanged(input: MessageInput, message: NewMessage, row: MessageRow): boolean {
  const sent = [
    message.content !== undefined,
    message.name ?? null,
    message.sender_id ?? row.sender_id,
    message.metadata,
    message.client_timestamp ?? null,
    input.id === undefined ? row.id : message.id,
    input.token_count ?? row.token_count,
    input.cost === undefined ? Number(row.cost) : Number(message.cost),
  ];
  const { has_content, name, sender_id, metadata, client_timestamp, id, token_count, cost } = row;
  const stored = [has_content, name, sender_id, metadata, client_timestamp, id, token_count, Number(cost)];
  return isSameMessage(message, row) && isDeepStrictEqual(sent, stored);
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

/** Whose words a message is, nobody says of others (A01). @throws SENDER_MISMATCH */
export function checkSender({ role, userId }: Principal, sender: string | null | undefined): void {
  if (role === 'member' && typeof sender === 'string' && sender !== userId) throw messageErrors.SENDER_MISMATCH();
}

function checkSize(input: MessageInput, bytes: number, path: string): void {
  if (!exceedsJsonBytes(input, bytes)) return;
  const field = path ? path.slice(0, -1) : 'body';
  const errors = [{ field, message: `${field} must have at most ${bytes} bytes as JSON` }];
  throw messageErrors.MESSAGE_TOO_LARGE(bytes).with({ errors });
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

/** Characters that messages say, before anything is known of them: their texts, and what their tools are called with. */
export function sizeOf(inputs: MessageInput[]): number {
  let size = 0;
  for (const { content, tool_calls } of inputs) {
    for (const part of Array.isArray(content) ? content : [content]) size += textOf(part).length;
    for (const call of tool_calls ?? []) size += call.function.arguments.length;
  }
  return size;
}

const textOf = (part: unknown): string => {
  const text = typeof part === 'object' && part !== null && 'text' in part ? part.text : part;
  return typeof text === 'string' ? text : '';
};
