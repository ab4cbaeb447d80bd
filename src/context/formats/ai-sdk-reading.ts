import { isUUID } from 'class-validator';
import { isObject } from '../../http/request/fields';
import type { MessageInput, ToolCall } from '../../messages';
import { toArguments } from './arguments';
import { type Part, toStoredContent } from './parts';
import {
  asId,
  asRole,
  asText,
  bodyOf,
  invalid,
  makeAssistant,
  makeCall,
  makeResult,
  mapItems,
  readKnownPart,
} from './reading';

type Item = Record<string, unknown>;

/** Parts that are for the reader of a page, or that hold only for the model that made them. */
const SKIPPED = /^(reasoning|reasoning-file|source-url|source-document|custom|data-.*)$/;

/**
 * UIMessages of the `ai` package, to be stored: each step of an assistant's message is a message with the results of
 * its calls. Reasoning, sources and data parts are skipped. An id that is a UUID stays the id of the first message.
 * @param input the array, or an object with it as `messages` (and `system`)
 * @throws VALIDATION_FAILED
 */
export function fromAiSdk(input: unknown): MessageInput[] {
  const { system, messages } = bodyOf(input, 'messages');
  const instructions: MessageInput[] = system == null ? [] : [{ role: 'system', content: asText(system, 'system') }];
  return [...instructions, ...mapItems(messages, 'messages', readMessage)];
}

function readMessage(message: Item, field: string): MessageInput[] {
  const role = asRole(message.role, ['system', 'user', 'assistant'], `${field}.role`);
  const { id, metadata } = message;
  if (metadata != null && !isObject(metadata)) throw invalid(`${field}.metadata`, 'must be an object');
  const read =
    role === 'assistant'
      ? readSteps(message.parts, `${field}.parts`)
      : [{ role, content: toStoredContent(readParts(message.parts, `${field}.parts`)) }];
  const own = { ...(isUUID(id) ? { id: id as string } : {}), ...(metadata ? { metadata } : {}) };
  return read.map((each, index) => (index === 0 ? { ...own, ...each } : each));
}

const readParts = (parts: unknown, field: string): Part[] =>
  mapItems(parts, field, (part, at) => (isSkipped(part) ? [] : [readKnownPart(part, at)]));

const isSkipped = ({ type }: Item) => typeof type === 'string' && SKIPPED.test(type);

/** A step ends where the SDK says so, and what a user said meanwhile stands between two. */
function readSteps(parts: unknown, field: string): MessageInput[] {
  const messages: MessageInput[] = [];
  let step = new Step();
  const close = () => {
    messages.push(...step.close());
    step = new Step();
  };
  mapItems(parts, field, (part, at) => {
    if (part.type === 'step-start' || part.type === 'steering-message') close();
    if (part.type === 'steering-message')
      messages.push({ role: 'user', content: toStoredContent(readParts(part.parts, `${at}.parts`)) });
    else if (part.type !== 'step-start') step.add(part, at);
    return [];
  });
  close();
  return messages;
}

class Step {
  private readonly parts: Part[] = [];
  private readonly calls: ToolCall[] = [];
  private readonly names = new Map<string, string>();
  private readonly results: MessageInput[] = [];

  add(part: Item, field: string): void {
    if (isSkipped(part)) return;
    const name = toolOf(part, field);
    if (name === undefined) this.parts.push(readKnownPart(part, field));
    // Half of an input is nothing that could be answered.
    else if (part.state !== 'input-streaming') this.addCall(name, part, field);
  }

  close(): MessageInput[] {
    return this.parts.length + this.calls.length > 0 ? [makeAssistant(this.parts, this.calls), ...this.results] : [];
  }

  private addCall(name: string, part: Item, field: string): void {
    const id = asId(part.toolCallId, `${field}.toolCallId`);
    this.calls.push(makeCall(id, name, toArguments(part.input ?? part.rawInput)));
    this.names.set(id, name);
    const result = resultOf(part, field);
    if (result) this.results.push(makeResult(id, result.text, this.names, result.failed));
  }
}

/** The name of the tool that a part calls: `dynamic-tool` says it, `tool-<name>` is it. */
function toolOf({ type, toolName }: Item, field: string): string | undefined {
  if (type === 'dynamic-tool') return asId(toolName, `${field}.toolName`);
  if (typeof type !== 'string' || !type.startsWith('tool-')) return undefined;
  return asId(type.slice('tool-'.length), `${field}.type`);
}

function resultOf(part: Item, field: string): { text: string; failed: boolean } | undefined {
  switch (part.state) {
    case 'output-available':
      return {
        text: typeof part.output === 'string' ? part.output : (JSON.stringify(part.output) ?? ''),
        failed: false,
      };
    case 'output-error':
      return { text: asText(part.errorText, `${field}.errorText`), failed: true };
    case 'output-denied':
      return { text: reasonOf(part.approval) ?? 'Tool call execution denied.', failed: true };
    case 'input-available':
    case 'approval-requested':
    case 'approval-responded':
      return undefined;
    default:
      throw invalid(`${field}.state`, 'is none of the states of a tool part');
  }
}

const reasonOf = (approval: unknown) =>
  isObject(approval) && typeof approval.reason === 'string' ? approval.reason : undefined;
