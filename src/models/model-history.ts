import type { ModelMessage, ModelToolCall } from './chat-model.service';
import { isInstruction, textOf } from './model-context';

/** A message in the form of OpenAI's chat completions. */
export type ChatMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string | null; tool_calls?: ModelToolCall[] }
  | { role: 'tool'; tool_call_id: string; content: string };

type Answers = Map<ModelToolCall, ModelMessage>;

/**
 * The history as a provider takes it. Providers reject half a tool call, so a result without its call is left out, a call
 * without a result becomes text, and results follow their calls at once. System messages are not here (`toSystemText`).
 */
export function toChatMessages(messages: ModelMessage[]): ChatMessage[] {
  const answers = pairUp(messages);
  const mapped = messages.filter((message) => !isInstruction(message)).flatMap((message) => toChat(message, answers));
  return mapped.length > 0 ? mapped : [{ role: 'user', content: '' }];
}

/** Each result belongs to the nearest call before it that has its id and no result yet; ids may come again later. */
function pairUp(messages: ModelMessage[]): Answers {
  const open = new Map<string, ModelToolCall>();
  const answers: Answers = new Map();
  for (const message of messages) {
    for (const call of message.role === 'assistant' ? (message.tool_calls ?? []) : []) open.set(call.id, call);
    const call = message.role === 'tool' && message.tool_call_id ? open.get(message.tool_call_id) : undefined;
    if (!call) continue;
    answers.set(call, message);
    open.delete(call.id);
  }
  return answers;
}

function toChat(message: ModelMessage, answers: Answers): ChatMessage[] {
  if (message.role === 'tool') return [];
  if (message.role === 'assistant') return toAssistant(message, answers);
  const text = textOf(message.content);
  return text ? [{ role: 'user', content: text }] : [];
}

function toAssistant(message: ModelMessage, answers: Answers): ChatMessage[] {
  const calls = message.tool_calls ?? [];
  const answered = calls.filter((call) => answers.has(call));
  const lost = calls.filter((call) => !answers.has(call));
  const text = [textOf(message.content), ...lost.map(toLostCall)].filter(Boolean).join('\n');
  if (answered.length === 0) return text ? [{ role: 'assistant', content: text }] : [];
  return [
    { role: 'assistant', content: text || null, tool_calls: answered.map(toCall) },
    ...answered.map((call) => toResult(call, answers.get(call)!)),
  ];
}

const toLostCall = ({ function: { name, arguments: input } }: ModelToolCall) =>
  `Called ${name}(${input}), which gave no result.`;

const toCall = ({ id, function: { name, arguments: input } }: ModelToolCall): ModelToolCall => ({
  id,
  type: 'function',
  function: { name, arguments: input.trim() ? asJson(input) : '{}' },
});

/** Text that is JSON already goes out byte for byte; providers refuse arguments that are none. */
function asJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

const toResult = ({ id }: ModelToolCall, result: ModelMessage): ChatMessage => ({
  role: 'tool',
  tool_call_id: id,
  content: textOf(result.content),
});
