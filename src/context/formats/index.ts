import type { MessageInput } from '../../messages';
import { type AiSdkContext, toAiSdk } from './ai-sdk';
import { fromAiSdk } from './ai-sdk-reading';
import { type AnthropicContext, fromAnthropic, toAnthropic } from './anthropic';
import { type ChatContext, fromChat, toChat } from './chat';
import { fromResponses, type ResponsesContext, toResponses } from './responses';
import type { FormatMessage } from './turns';

export type { FormatMessage } from './turns';

/** Whose shape a context has: OpenAI's chat completions or Responses, Anthropic's Messages, the AI SDK's UIMessages. */
export const CONTEXT_FORMATS = ['chat', 'responses', 'anthropic', 'ai-sdk'] as const;
export type ContextFormat = (typeof CONTEXT_FORMATS)[number];

interface FormattedContexts {
  chat: ChatContext;
  responses: ResponsesContext;
  anthropic: AnthropicContext;
  'ai-sdk': AiSdkContext;
}

const writers: { [Format in ContextFormat]: (messages: FormatMessage[]) => FormattedContexts[Format] } = {
  chat: toChat,
  responses: toResponses,
  anthropic: toAnthropic,
  'ai-sdk': toAiSdk,
};

const readers: Record<ContextFormat, (input: unknown) => MessageInput[]> = {
  chat: fromChat,
  responses: fromResponses,
  anthropic: fromAnthropic,
  'ai-sdk': fromAiSdk,
};

/**
 * Messages in the very shape that a provider's request takes. Half a tool call never goes out: see `toTurns`. What a
 * format has no place for is lost, as the function of each format says.
 */
export const toFormat = <Format extends ContextFormat>(
  format: Format,
  messages: FormatMessage[],
): FormattedContexts[Format] => writers[format](messages);

/**
 * Messages to be stored from what a provider takes or gives.
 * @param input the list of messages or items, or the body that holds it
 * @throws VALIDATION_FAILED with the path of what is wrong
 */
export const fromFormat = (format: ContextFormat, input: unknown): MessageInput[] => readers[format](input);
