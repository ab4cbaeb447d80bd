import { isObject } from '../../../http/request/fields';
import { type Fields, nameFrom, present, timeFrom } from './text';

/**
 * A saved state: `{ConversationID, Messages}` of its first version, what became of it, and our own `GET …/state`.
 * Members are called as in Go or in snake case. Whose it was, and what is counted, is not taken over (P37).
 */
export function fromState(value: Fields): Fields {
  const state = snakeKeys(value);
  const id = state.conversation_id ?? state.session_id ?? state.id;
  const { notebook_id, prompt_name, system_prompt, max_tokens, auto_summarize } = state;
  const variables = state.notebook_variables ?? (isObject(state.variables) ? state.variables : undefined);
  const messages = state.messages ?? state.history ?? [];
  return {
    name: nameFrom(state.title, state.name, id),
    metadata: isObject(state.metadata) ? state.metadata : {},
    created_at: timeFrom(state.created_at),
    updated_at: timeFrom(state.updated_at),
    auto_summarize: auto_summarize ?? undefined,
    session: { ...present({ notebook_id, prompt_name, system_prompt, max_tokens, variables }), id },
    messages: Array.isArray(messages) ? messages.map(toMessage) : messages,
  };
}

function toMessage(value: unknown): unknown {
  if (!isObject(value)) return value;
  const message = snakeKeys(value);
  const { role, cost, tool_calls: calls } = message;
  const time = timeFrom(message.timestamp);
  return {
    role,
    ...('content' in message ? { content: message.content } : {}),
    ...(Array.isArray(calls) && calls.length > 0 ? { tool_calls: calls.map(toCall) } : {}),
    ...filled(message, ['tool_call_id', 'name', 'sender_id']),
    ...present({ metadata: message.metadata ?? message.meta, cost }),
    // Go's sums are of unknown origin; a count beside a cost is the model's own.
    ...(typeof cost === 'number' ? present({ token_count: message.token_count }) : {}),
    ...(time ? { timestamp: time, created_at: timeFrom(message.created_at) ?? time } : {}),
  };
}

/** Go writes empty texts for what is not there. */
const filled = (fields: Fields, keys: string[]): Fields =>
  Object.fromEntries(keys.filter((key) => fields[key]).map((key) => [key, fields[key]]));

/** `{ID, Name, Args}` as a call in OpenAI's form. */
function toCall(value: unknown): unknown {
  if (!isObject(value) || isObject(value.function)) return value;
  const { id, name, args, arguments: input } = snakeKeys(value);
  const given = args ?? input ?? {};
  return {
    id,
    type: 'function',
    function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given) },
  };
}

/** Keys of Go, `ToolCallID`, as ours, `tool_call_id`; of this object only. */
const snakeKeys = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [toSnake(key), value]));

const toSnake = (key: string) =>
  key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
