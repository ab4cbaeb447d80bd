import { isObject } from '../../../http/request/fields';
import { type Fields, nameFrom, present } from './text';

/** `{messages: [...]}` as OpenAI's chat completions and fine-tuning files have it; of the rest, name and metadata are taken. */
export function fromOpenAi(value: Fields): Fields {
  const { messages, metadata, model, name, title } = value;
  const about = { ...(isObject(metadata) ? metadata : {}), ...(typeof model === 'string' ? { model } : {}) };
  return { name: nameFrom(name, title), metadata: about, ...fromMessages(messages) };
}

/** A plain history: nothing but its messages. */
export const fromMessages = (messages: unknown): Fields => ({
  messages: Array.isArray(messages) ? messages.map(toMessage) : messages,
});

/** Members of a message that are stored as what they are. */
const KNOWN = [
  ...['role', 'sender_role', 'content', 'name', 'tool_calls', 'tool_call_id', 'sender_id', 'metadata', 'token_count'],
  ...['cost', 'timestamp', 'seq', 'created_at', 'updated_at'],
];

/** What else is said of a message, such as `refusal` or `annotations`, is kept in its metadata. */
function toMessage(value: unknown): unknown {
  if (!isObject(value)) return value;
  const message = modernized(value);
  const entries = Object.entries(message);
  const known = Object.fromEntries(entries.filter(([key]) => KNOWN.includes(key)));
  const extra = present(Object.fromEntries(entries.filter(([key]) => !KNOWN.includes(key))));
  // The API answers with empty lists where it says nothing.
  if (Array.isArray(known.tool_calls) && known.tool_calls.length === 0) delete known.tool_calls;
  if ((known.content ?? null) === null && typeof extra.refusal === 'string') known.content = extra.refusal;
  if (Object.keys(extra).length > 0) known.metadata = { ...extra, ...(isObject(known.metadata) ? known.metadata : {}) };
  return known;
}

/** The functions of older files are the tools of today. */
function modernized(message: Fields): Fields {
  const { function_call: call, ...rest } = message;
  if (isObject(call)) {
    return { ...rest, tool_calls: [{ id: `call_${String(call.name)}`, type: 'function', function: call }] };
  }
  if (message.role !== 'function') return rest;
  return { ...rest, role: 'tool', tool_call_id: `call_${String(message.name)}` };
}
