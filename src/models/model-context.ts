import { describe, FACTS_TITLE, oneLine, section } from '../common/describe';
import { isObject } from '../http/request/fields';
import type { ModelMessage, ModelRequest } from './chat-model.service';

export { describe } from '../common/describe';

/**
 * The one system message: the session's instructions, those of the history, what is remembered, the variables.
 * Many models take a system message only at the front, and only one.
 */
export function toSystemText({ system, facts, variables, messages }: ModelRequest): string | undefined {
  const instructions = [system, ...messages.filter(isInstruction).map(({ content }) => textOf(content))];
  const sections = [
    ...instructions.map((text) => text?.trim()),
    section(FACTS_TITLE, describe(facts)),
    section('Variables of the notebook:', describe(variables)),
  ];
  return sections.filter(Boolean).join('\n\n') || undefined;
}

export const isInstruction = ({ role }: ModelMessage) => role === 'system' || role === 'developer';

const MAX_TYPE_LENGTH = 64;

/** The text of a content; a part without any is named by its type, and no address in it is ever opened. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join('\n');
  if (!isObject(content)) return '';
  if (typeof content.text === 'string') return content.text;
  if (content.type === 'refusal' && typeof content.refusal === 'string') return content.refusal;
  return typeof content.type === 'string' ? `[${oneLine(content.type.slice(0, MAX_TYPE_LENGTH))}]` : '';
}
