import type { AssistantModelMessage, ModelMessage as SdkMessage, ToolModelMessage } from 'ai';
import type { ModelMessage, ModelToolCall } from './chat-model.service';
import { isInstruction, textOf } from './model-context';

type Answers = Map<ModelToolCall, ModelMessage>;

/**
 * The history as the SDK takes it. Providers reject half a tool call, so a result without its call is left out, a call
 * without a result becomes text, and results follow their calls at once. System messages are not here (`toSystemText`).
 */
export function toSdkMessages(messages: ModelMessage[]): SdkMessage[] {
  const answers = pairUp(messages);
  const mapped = messages.filter((message) => !isInstruction(message)).flatMap((message) => toSdk(message, answers));
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

function toSdk(message: ModelMessage, answers: Answers): SdkMessage[] {
  if (message.role === 'tool') return [];
  if (message.role === 'assistant') return toAssistant(message, answers);
  const text = textOf(message.content);
  return text ? [{ role: 'user', content: text }] : [];
}

function toAssistant(message: ModelMessage, answers: Answers): SdkMessage[] {
  const calls = message.tool_calls ?? [];
  const answered = calls.filter((call) => answers.has(call));
  const lost = calls.filter((call) => !answers.has(call));
  const text = [textOf(message.content), ...lost.map(toLostCall)].filter(Boolean).join('\n');
  if (answered.length === 0) return text ? [{ role: 'assistant', content: text }] : [];
  const assistant: AssistantModelMessage = {
    role: 'assistant',
    content: [...(text ? [{ type: 'text' as const, text }] : []), ...answered.map(toCallPart)],
  };
  return [assistant, { role: 'tool', content: answered.map((call) => toResultPart(call, answers.get(call)!)) }];
}

const toLostCall = ({ function: { name, arguments: input } }: ModelToolCall) =>
  `Called ${name}(${input}), which gave no result.`;

/** Text that is JSON already goes out byte for byte. */
const toCallPart = ({ id, function: { name, arguments: input } }: ModelToolCall) => ({
  type: 'tool-call' as const,
  toolCallId: id,
  toolName: name,
  input: input.trim() ? input : '{}',
});

const toResultPart = (call: ModelToolCall, result: ModelMessage): ToolModelMessage['content'][number] => ({
  type: 'tool-result',
  toolCallId: call.id,
  toolName: call.function.name,
  output: { type: 'text', value: textOf(result.content) },
});
