import type { MessageInput, ToolCall } from '../../messages';
import { toFunctionName } from './call-ids';
import { type Part, textOf, textOfPart, toStoredContent } from './parts';
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
  readParts,
} from './reading';
import { type Call, type FormatMessage, toTurns, type FormatTurn } from './turns';

type InputPart =
  | { type: 'input_text'; text: string }
  | { type: 'input_image'; image_url: string; detail: 'low' | 'high' | 'auto' | 'original' }
  | { type: 'input_file'; file_data?: string; file_url?: string; filename?: string };
type OutputPart = { type: 'output_text'; text: string; annotations: [] } | { type: 'refusal'; refusal: string };

/** An input item of OpenAI's Responses API. */
type ResponsesItem =
  | { type: 'message'; role: 'system' | 'developer' | 'user'; content: InputPart[] }
  | { type: 'message'; role: 'assistant'; content: OutputPart[] }
  | { type: 'function_call'; call_id: string; name: string; arguments: string }
  | { type: 'function_call_output'; call_id: string; output: string };

export interface ResponsesContext {
  input: ResponsesItem[];
}

const ROLES = ['system', 'developer', 'user', 'assistant'] as const;

/** What the model thought is not stored: its items hold only for the account and the model that made them. */
const SKIPPED = new Set<unknown>(['reasoning']);

/**
 * Messages as input items of OpenAI's Responses API; arguments stay the same text.
 * Lost: metadata, names of participants, ids of calls that come twice or are longer than 64, an assistant's empty text.
 */
export function toResponses(messages: FormatMessage[]): ResponsesContext {
  return { input: toTurns(messages, { longest: 64, unique: true, openCalls: 'text' }).flatMap(toItems) };
}

function toItems({ role, parts, calls }: FormatTurn): ResponsesItem[] {
  const kept = parts.filter((part) => part.type !== 'text' || part.text !== '');
  if (role === 'assistant') {
    const content = kept.map(toOutputPart);
    const message: ResponsesItem[] = content.length > 0 ? [{ type: 'message', role, content }] : [];
    return [...message, ...calls.map(toCallItem), ...calls.map(toOutputItem)];
  }
  const content = kept.map(role === 'user' ? toInputPart : toInputText);
  return [{ type: 'message', role, content: content.length > 0 ? content : [{ type: 'input_text', text: '' }] }];
}

const toOutputPart = (part: Part): OutputPart =>
  part.type === 'refusal' ? part : { type: 'output_text', text: textOfPart(part) || '[part]', annotations: [] };

const toInputText = (part: Part): InputPart => ({ type: 'input_text', text: textOfPart(part) || '[part]' });

function toInputPart(part: Part): InputPart {
  if (part.type === 'image') return { type: 'input_image', image_url: part.url, detail: part.detail ?? 'auto' };
  if (part.type !== 'file') return toInputText(part);
  const source = part.url.startsWith('data:') ? { file_data: part.url } : { file_url: part.url };
  return { type: 'input_file', ...source, ...(part.filename ? { filename: part.filename } : {}) };
}

const toCallItem = (call: Call): ResponsesItem => ({
  type: 'function_call',
  call_id: call.id,
  name: toFunctionName(call.name),
  arguments: call.arguments,
});

const toOutputItem = ({ id, result }: Call): ResponsesItem => ({
  type: 'function_call_output',
  call_id: id,
  output: textOf(result?.parts ?? []),
});

/**
 * Input or output items of the Responses API, to be stored. Calls that follow each other, or an assistant's text, are
 * one message with it. Reasoning items are skipped.
 * @param input the array, a text, or an object with either as `input` (and `instructions`)
 * @throws VALIDATION_FAILED
 */
export function fromResponses(input: unknown): MessageInput[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const { instructions, input: items } = bodyOf(input, 'input');
  const system: MessageInput[] =
    instructions == null ? [] : [{ role: 'system', content: asText(instructions, 'instructions') }];
  return [...system, ...(typeof items === 'string' ? fromResponses(items) : readItems(items))];
}

function readItems(items: unknown): MessageInput[] {
  const names = new Map<string, string>();
  /** The assistant message that the next call belongs to. */
  let open: { parts: Part[]; calls: ToolCall[]; message: MessageInput } | undefined;
  return mapItems(items, 'input', (item, field) => {
    if (SKIPPED.has(item.type)) return [];
    if (item.type === 'function_call') {
      const call = readCall(item, field);
      names.set(call.id, call.function.name);
      if (open) {
        open.calls.push(call);
        Object.assign(open.message, makeAssistant(open.parts, open.calls));
        return [];
      }
      open = { parts: [], calls: [call], message: makeAssistant([], [call]) };
      return [open.message];
    }
    open = undefined;
    if (item.type === 'function_call_output') return [readOutput(item, field, names)];
    if (item.type !== undefined && item.type !== 'message')
      throw invalid(`${field}.type`, 'must be message, function_call, function_call_output or reasoning');
    const role = asRole(item.role, ROLES, `${field}.role`);
    const parts = readParts(item.content, `${field}.content`);
    if (role !== 'assistant') return [{ role, content: toStoredContent(parts) }];
    open = { parts, calls: [], message: makeAssistant(parts, []) };
    return [open.message];
  });
}

const readCall = (item: Record<string, unknown>, field: string): ToolCall =>
  makeCall(
    asId(item.call_id, `${field}.call_id`),
    asId(item.name, `${field}.name`),
    asText(item.arguments, `${field}.arguments`),
  );

const readOutput = (item: Record<string, unknown>, field: string, names: Map<string, string>) =>
  makeResult(asId(item.call_id, `${field}.call_id`), toStoredContent(readParts(item.output, `${field}.output`)), names);
