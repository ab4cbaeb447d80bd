import type { MessageInput, MessageRole, ToolCall } from '../../messages';
import { toFunctionName } from './call-ids';
import { type Content, type Part, textOf, textOfPart, toStoredPart } from './parts';
import { asId, asObject, asRole, asText, bodyOf, invalid, mapItems } from './reading';
import { type Call, type FormatMessage, toTurns, type FormatTurn } from './turns';

type Text = { type: 'text'; text: string };
type UserPart =
  | Text
  | { type: 'image_url'; image_url: { url: string; detail?: 'auto' | 'low' | 'high' } }
  | { type: 'file'; file: { file_data?: string; file_id?: string; filename?: string } }
  | { type: 'input_audio'; input_audio: { data: string; format: 'wav' | 'mp3' } };
type AssistantPart = Text | { type: 'refusal'; refusal: string };
type FunctionCall = { id: string; type: 'function'; function: { name: string; arguments: string } };

/** A message of OpenAI's chat completions. */
type ChatCompletionMessage =
  | { role: 'system' | 'developer'; content: string | Text[]; name?: string }
  | { role: 'user'; content: string | UserPart[]; name?: string }
  | { role: 'assistant'; content: string | AssistantPart[] | null; name?: string; tool_calls?: FunctionCall[] }
  | { role: 'tool'; tool_call_id: string; content: string };

export interface ChatContext {
  messages: ChatCompletionMessage[];
}

const ROLES: readonly MessageRole[] = ['system', 'developer', 'user', 'assistant', 'tool'];

/** OpenAI and servers like it take no other participant names. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/**
 * Messages as OpenAI's chat completions take them: as stored, without our metadata.
 * Lost: metadata, names that the provider refuses and those of tools, further members of calls and parts.
 */
export function toChat(messages: FormatMessage[]): ChatContext {
  return { messages: toTurns(messages, { longest: 40, unique: false, openCalls: 'text' }).flatMap(toMessages) };
}

function toMessages(turn: FormatTurn): ChatCompletionMessage[] {
  const { name } = turn.message;
  const named = name && NAME.test(name) ? { name } : {};
  if (turn.role === 'user') return [{ role: 'user', content: toContent(turn, toUserPart), ...named }];
  if (turn.role !== 'assistant') return [{ role: turn.role, content: toContent(turn, toText), ...named }];
  const { calls } = turn;
  const empty = calls.length > 0 && turn.parts.length === 0;
  const content = empty ? null : toContent(turn, toAssistantPart);
  const called = calls.length > 0 ? { tool_calls: calls.map(toFunctionCall) } : {};
  return [{ role: 'assistant', content, ...named, ...called }, ...calls.map(toToolMessage)];
}

/** An empty text among others says nothing, and the provider refuses an empty array. */
function toContent<T>({ parts, plain }: Content, toPart: (part: Part) => T): string | T[] {
  const kept = parts.filter((part) => part.type !== 'text' || part.text !== '');
  return plain || kept.length === 0 ? textOf(parts) : kept.map(toPart);
}

const toText = (part: Part): Text => ({ type: 'text', text: textOfPart(part) || '[part]' });

const toAssistantPart = (part: Part): AssistantPart =>
  part.type === 'refusal' ? { type: 'refusal', refusal: part.refusal } : toText(part);

function toUserPart(part: Part): UserPart {
  if (part.type === 'file' && part.url.startsWith('data:')) return toStoredPart(part) as UserPart;
  if (part.type === 'image') {
    const detail = part.detail === 'low' || part.detail === 'high' ? { detail: part.detail } : {};
    return { type: 'image_url', image_url: { url: part.url, ...detail } };
  }
  return (part.type === 'other' && toProvidersOwn(part.source)) || toText(part);
}

/** Parts that only this provider knows. */
function toProvidersOwn({ type, file, input_audio }: Record<string, unknown>): UserPart | undefined {
  const { file_id } = (file ?? {}) as Record<string, unknown>;
  if (type === 'file' && typeof file_id === 'string') return { type, file: { file_id } };
  const { data, format } = (input_audio ?? {}) as Record<string, unknown>;
  const isAudio = type === 'input_audio' && typeof data === 'string' && (format === 'wav' || format === 'mp3');
  return isAudio ? { type, input_audio: { data, format } } : undefined;
}

const toFunctionCall = (call: Call): FunctionCall => ({
  id: call.id,
  type: 'function',
  function: { name: toFunctionName(call.name), arguments: call.arguments },
});

const toToolMessage = ({ id, result }: Call): ChatCompletionMessage => ({
  role: 'tool',
  tool_call_id: id,
  content: textOf(result?.parts ?? []),
});

/**
 * Messages of the chat completions, to be stored. Content and arguments stay as they are.
 * @param input the array, or an object with it as `messages`
 * @throws VALIDATION_FAILED
 */
export function fromChat(input: unknown): MessageInput[] {
  return mapItems(bodyOf(input, 'messages').messages, 'messages', (message, field) => [readMessage(message, field)]);
}

function readMessage(message: Record<string, unknown>, field: string): MessageInput {
  const { tool_calls, tool_call_id, name } = message;
  const role = asRole(message.role, ROLES, `${field}.role`);
  const calls = tool_calls == null ? [] : mapItems(tool_calls, `${field}.tool_calls`, readCall);
  const content = readContent(message, `${field}.content`);
  if (calls.length > 0 && role !== 'assistant') throw invalid(`${field}.tool_calls`, 'belong to the role assistant');
  if (content == null && calls.length === 0)
    throw invalid(`${field}.content`, 'is required unless the message calls tools');
  return {
    role,
    ...(content === undefined ? {} : { content }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    ...(role === 'tool' ? { tool_call_id: asId(tool_call_id, `${field}.tool_call_id`) } : {}),
    ...(name == null ? {} : { name: asText(name, `${field}.name`, 255) }),
  };
}

/** As it came; a refusal beside no content, as answers have it, is a part. */
function readContent({ content, refusal }: Record<string, unknown>, field: string): unknown {
  if (content == null && typeof refusal === 'string' && refusal) return [{ type: 'refusal', refusal }];
  if (content == null || typeof content === 'string') return content;
  return mapItems(content, field, (part, at) => {
    asText(part.type, `${at}.type`);
    return [part];
  });
}

function readCall(call: Record<string, unknown>, field: string): ToolCall[] {
  const called = asObject(call.function, `${field}.function`);
  const name = asId(called.name, `${field}.function.name`);
  const text = asText(called.arguments, `${field}.function.arguments`);
  return [{ id: asId(call.id, `${field}.id`), type: 'function', function: { name, arguments: text } }];
}
