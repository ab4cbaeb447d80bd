import type { MessageInput, ToolCall } from '../../messages';
import { toArguments, toInput } from './arguments';
import { toFunctionName } from './call-ids';
import { type Part, readDataUrl, textOf, textOfPart, toStoredContent } from './parts';
import {
  asId,
  asRole,
  bodyOf,
  invalid,
  makeAssistant,
  makeCall,
  makeResult,
  mapItems,
  readKnownPart,
  readParts,
} from './reading';
import { type Call, type FormatMessage, isInstruction, toSystemText, toTurns, type FormatTurn } from './turns';

type ImageType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp';
type TextBlock = { type: 'text'; text: string };
type ImageBlock = {
  type: 'image';
  source: { type: 'base64'; media_type: ImageType; data: string } | { type: 'url'; url: string };
};
type DocumentBlock = {
  type: 'document';
  source: { type: 'base64'; media_type: 'application/pdf'; data: string } | { type: 'url'; url: string };
  title?: string;
};
type ToolUseBlock = { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };
type ToolResultBlock = {
  type: 'tool_result';
  tool_use_id: string;
  content?: string | (TextBlock | ImageBlock | DocumentBlock)[];
  is_error?: true;
};
type AnthropicBlock = TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock;

/** A message of Anthropic's Messages API. */
interface AnthropicMessage {
  role: 'user' | 'assistant';
  content: AnthropicBlock[];
}

export interface AnthropicContext {
  system?: string;
  messages: AnthropicMessage[];
}

/** Stands before an assistant's message where the history begins with one: the provider wants a user's first. */
const CONTINUED = '[The conversation continues.]';

const IMAGE_TYPES = new Set<string>(['image/jpeg', 'image/png', 'image/gif', 'image/webp'] satisfies ImageType[]);
const SKIPPED = new Set<unknown>(['thinking', 'redacted_thinking']);
const ID_RULES = { longest: 64, unique: true, refused: /[^a-zA-Z0-9_-]/g };

/**
 * Messages as Anthropic's Messages API takes them: instructions apart, roles in turn, the user's first.
 * Lost: metadata, names, blank texts, the place of instructions in the middle, where one message of a role ends and the
 * next begins, ids of calls that come twice or hold other characters than [a-zA-Z0-9_-], white space of arguments and
 * at the end of an assistant's last text.
 */
export function toAnthropic(messages: FormatMessage[]): AnthropicContext {
  const turns = toTurns(messages, { ...ID_RULES, openCalls: 'text' });
  const system = toSystemText(turns);
  const merged: AnthropicMessage[] = [];
  for (const turn of turns.filter((each) => !isInstruction(each))) {
    append(merged, turn.role === 'assistant' ? 'assistant' : 'user', toBlocks(turn));
    append(merged, 'user', turn.calls.map(toResultBlock));
  }
  if (merged[0]?.role !== 'user') merged.unshift({ role: 'user', content: [{ type: 'text', text: CONTINUED }] });
  trimEnd(merged[merged.length - 1]);
  return { ...(system === undefined ? {} : { system }), messages: merged };
}

function append(messages: AnthropicMessage[], role: AnthropicMessage['role'], content: AnthropicBlock[]): void {
  const last = messages.at(-1);
  if (content.length === 0) return;
  if (last?.role === role) last.content.push(...content);
  else messages.push({ role, content });
}

function toBlocks({ role, parts, calls }: FormatTurn): AnthropicBlock[] {
  return [...parts.flatMap(role === 'assistant' ? toTextBlock : toBlock), ...calls.map(toUseBlock)];
}

/** The provider refuses a text that is only white space. */
function toTextBlock(part: Part): TextBlock[] {
  const text = textOfPart(part);
  return text.trim() ? [{ type: 'text', text }] : [];
}

function toBlock(part: Part): (TextBlock | ImageBlock | DocumentBlock)[] {
  const block = part.type === 'image' ? toImageBlock(part.url) : part.type === 'file' && toDocumentBlock(part);
  return block ? [block] : toTextBlock(part);
}

/** Addresses only with https, images only of four types, documents only PDF: what the provider refuses is named. */
function toImageBlock(url: string): ImageBlock | undefined {
  if (isHttps(url)) return { type: 'image', source: { type: 'url', url } };
  const { mediaType = '', data = '' } = readDataUrl(url) ?? {};
  if (!IMAGE_TYPES.has(mediaType)) return undefined;
  return { type: 'image', source: { type: 'base64', media_type: mediaType as ImageType, data } };
}

function toDocumentBlock({ url, filename }: { url: string; filename?: string }): DocumentBlock | undefined {
  const title = filename?.trim() ? { title: filename } : {};
  if (isHttps(url)) return { type: 'document', source: { type: 'url', url }, ...title };
  const { mediaType, data = '' } = readDataUrl(url) ?? {};
  if (mediaType !== 'application/pdf') return undefined;
  return { type: 'document', source: { type: 'base64', media_type: mediaType, data }, ...title };
}

const isHttps = (url: string) => /^https:/i.test(url);

const toUseBlock = (call: Call): ToolUseBlock => ({
  type: 'tool_use',
  id: call.id,
  name: toFunctionName(call.name),
  input: toInput(call.arguments),
});

function toResultBlock({ id, result }: Call): ToolResultBlock {
  const { parts = [], failed = false } = result ?? {};
  const blocks = parts.flatMap(toBlock);
  const content = blocks.every(({ type }) => type === 'text') ? textOf(parts) : blocks;
  const filled = blocks.length > 0 ? { content } : {};
  return { type: 'tool_result', tool_use_id: id, ...filled, ...(failed ? { is_error: true } : {}) };
}

/** The provider refuses white space at the end of an assistant's text that it would have to go on with. */
function trimEnd({ role, content }: AnthropicMessage): void {
  const last = content[content.length - 1];
  if (role === 'assistant' && last.type === 'text')
    content[content.length - 1] = { ...last, text: last.text.trimEnd() };
}

/**
 * Messages of the Messages API, to be stored. Thinking is skipped, and so is the message that `toAnthropic` put first.
 * @param input the array, or an object with it as `messages` (and `system`)
 * @throws VALIDATION_FAILED
 */
export function fromAnthropic(input: unknown): MessageInput[] {
  const { system, messages } = bodyOf(input, 'messages');
  const names = new Map<string, string>();
  const read = mapItems(messages, 'messages', (message, field) => {
    const role = asRole(message.role, ['user', 'assistant', 'system'], `${field}.role`);
    if (role === 'assistant') return readAssistant(message.content, `${field}.content`, names);
    if (role === 'system') return readSystem(message.content, `${field}.content`);
    return readUser(message.content, `${field}.content`, names);
  });
  const own = read[0]?.role === 'user' && read[0].content === CONTINUED ? read.slice(1) : read;
  return [...readSystem(system, 'system'), ...own];
}

function readSystem(system: unknown, field: string): MessageInput[] {
  const parts = readParts(system, field);
  return parts.length > 0 ? [{ role: 'system', content: toStoredContent(parts) }] : [];
}

function readAssistant(content: unknown, field: string, names: Map<string, string>): MessageInput[] {
  if (typeof content === 'string') return [{ role: 'assistant', content }];
  const calls: ToolCall[] = [];
  const parts = mapItems(content, field, (block, at): Part[] => {
    if (SKIPPED.has(block.type)) return [];
    if (block.type !== 'tool_use') return [readKnownPart(block, at)];
    if (block.input === undefined) throw invalid(`${at}.input`, 'is required');
    const call = makeCall(asId(block.id, `${at}.id`), asId(block.name, `${at}.name`), toArguments(block.input));
    names.set(call.id, call.function.name);
    calls.push(call);
    return [];
  });
  return parts.length + calls.length > 0 ? [makeAssistant(parts, calls)] : [];
}

function readUser(content: unknown, field: string, names: Map<string, string>): MessageInput[] {
  if (typeof content === 'string') return [{ role: 'user', content }];
  const results: MessageInput[] = [];
  const parts = mapItems(content, field, (block, at): Part[] => {
    if (block.type !== 'tool_result') return [readKnownPart(block, at)];
    const result = toStoredContent(readParts(block.content, `${at}.content`));
    results.push(makeResult(asId(block.tool_use_id, `${at}.tool_use_id`), result, names, block.is_error === true));
    return [];
  });
  return parts.length > 0 ? [...results, { role: 'user', content: toStoredContent(parts) }] : results;
}
