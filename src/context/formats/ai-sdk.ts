import { toInput } from './arguments';
import { type Part, readDataUrl, textOf, textOfPart } from './parts';
import { type Call, type FormatMessage, isInstruction, toSystemText, toTurns, type FormatTurn } from './turns';

interface TextPart {
  type: 'text';
  text: string;
}

interface FilePart {
  type: 'file';
  mediaType: string;
  url: string;
  filename?: string;
}

/** A call, with its result once there is one. */
type ToolPart = { type: 'dynamic-tool'; toolName: string; toolCallId: string; input: unknown } & (
  | { state: 'input-available' }
  | { state: 'output-available'; output: unknown }
  | { state: 'output-error'; errorText: string }
);

/** A message of the AI SDK's user interface, of the kinds that a history needs. */
interface AiSdkMessage {
  id: string;
  role: 'user' | 'assistant';
  metadata?: Record<string, unknown>;
  parts: (TextPart | FilePart | ToolPart)[];
}

/** The SDK takes instructions apart: it refuses system messages among the others. */
export interface AiSdkContext {
  system?: string;
  messages: AiSdkMessage[];
}

/**
 * Messages as UIMessages of the `ai` package, version 7, one for each message of the user or the assistant. A call
 * without a result stays, as `input-available`; `convertToModelMessages` leaves it out with `ignoreIncompleteToolCalls`.
 * Lost: names, metadata of tools and instructions, the place of instructions in the middle, an assistant's empty text
 * beside calls, white space of arguments, ids of calls that come twice.
 */
export function toAiSdk(messages: FormatMessage[]): AiSdkContext {
  const turns = toTurns(messages, { longest: Infinity, unique: true, openCalls: 'call' });
  const system = toSystemText(turns);
  const said = turns.filter((turn) => !isInstruction(turn));
  return { ...(system === undefined ? {} : { system }), messages: said.map(toUiMessage) };
}

function toUiMessage(turn: FormatTurn, index: number): AiSdkMessage {
  const { id = `message-${index + 1}`, metadata } = turn.message;
  const described = metadata && Object.keys(metadata).length > 0 ? { metadata } : {};
  const kept = turn.parts.filter((part) => part.type !== 'text' || part.text !== '');
  const shown = [...kept.map(toPart), ...turn.calls.map(toToolPart)];
  const parts: AiSdkMessage['parts'] = shown.length > 0 ? shown : [{ type: 'text', text: '' }];
  return { id, role: turn.role === 'assistant' ? 'assistant' : 'user', ...described, parts };
}

function toPart(part: Part): TextPart | FilePart {
  if (part.type !== 'image' && part.type !== 'file') return { type: 'text', text: textOfPart(part) || '[part]' };
  const unknown = part.type === 'image' ? 'image/*' : 'application/octet-stream';
  const filename = part.type === 'file' && part.filename ? { filename: part.filename } : {};
  return { type: 'file', mediaType: readDataUrl(part.url)?.mediaType ?? unknown, url: part.url, ...filename };
}

function toToolPart({ id, name, arguments: text, result }: Call): ToolPart {
  const part = { type: 'dynamic-tool' as const, toolName: name, toolCallId: id, input: toInput(text) };
  if (!result) return { ...part, state: 'input-available' };
  const output = textOf(result.parts);
  return result.failed
    ? { ...part, state: 'output-error', errorText: output }
    : { ...part, state: 'output-available', output };
}
