import type Anthropic from '@anthropic-ai/sdk';
import type { UIMessage } from 'ai';
import type OpenAI from 'openai';
import { toFormat } from '../../src/context/formats';

/* Compiles only if each format is what the official package takes: formats.e2e-spec.ts compiles it. */

export const chat: OpenAI.ChatCompletionMessageParam[] = toFormat('chat', []).messages;

/** Of an answer sent back, the documentation's examples have no id and no status; the type asks for both. */
export const responses: OpenAI.Responses.ResponseInputItem[] = toFormat('responses', []).input.map((item) =>
  item.type === 'message' && item.role === 'assistant' ? { ...item, id: 'msg_1', status: 'completed' } : item,
);

export const anthropic: Pick<Anthropic.MessageCreateParams, 'system' | 'messages'> = toFormat('anthropic', []);

export const aiSdk: UIMessage[] = toFormat('ai-sdk', []).messages;
