import { commonErrors } from '../../common/errors';
import { isObject } from '../../http/request/fields';
import type { MessageInput, ToolCall } from '../../messages';
import { type Part, readPart, toStoredContent } from './parts';

/*
 * What comes in is anybody's: each of these takes a value and its dotted path, and throws VALIDATION_FAILED with it.
 */

type Item = Record<string, unknown>;

export const invalid = (field: string, problem: string) =>
  commonErrors.VALIDATION_FAILED().with({ errors: [{ field, message: `${field} ${problem}` }] });

export function asObject(value: unknown, field: string): Item {
  if (!isObject(value)) throw invalid(field, 'must be an object');
  return value;
}

export function asText(value: unknown, field: string, max = Infinity): string {
  if (typeof value !== 'string') throw invalid(field, 'must be a string');
  if (value.length > max || (max < Infinity && value.length === 0))
    throw invalid(field, `must have 1 to ${max} characters`);
  return value;
}

/** An id of a call or a name of a tool: 1 to 255 characters, as in the messages. */
export const asId = (value: unknown, field: string) => asText(value, field, 255);

export function asRole<Role extends string>(value: unknown, roles: readonly Role[], field: string): Role {
  if (!roles.includes(value as Role)) throw invalid(field, `must be one of ${roles.join(', ')}`);
  return value as Role;
}

/** Every object of an array, each with its path. */
export function mapItems<T>(value: unknown, field: string, read: (item: Item, field: string) => T[]): T[] {
  if (!Array.isArray(value)) throw invalid(field, 'must be an array');
  return value.flatMap((item, index) => read(asObject(item, `${field}.${index}`), `${field}.${index}`));
}

/** The list itself, or the body that holds it. */
export const bodyOf = (input: unknown, list: string): Item =>
  Array.isArray(input) ? { [list]: input } : asObject(input, 'body');

/** A string, or parts of the kinds that can be stored. */
export function readParts(value: unknown, field: string): Part[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  return mapItems(value, field, (part, at) => [readKnownPart(part, at)]);
}

export function readKnownPart(part: Item, field: string): Part {
  const known = readPart(part);
  if (known.type === 'other')
    throw invalid(field, `is no part that can be stored (type ${JSON.stringify(part.type)?.slice(0, 80)})`);
  return known;
}

/** One call of an assistant message. */
export const makeCall = (id: string, name: string, text: string): ToolCall => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});

/** An assistant message; `null` is the content of one that only calls tools. */
export const makeAssistant = (parts: Part[], calls: ToolCall[]): MessageInput => ({
  role: 'assistant',
  content: parts.length === 0 && calls.length > 0 ? null : toStoredContent(parts),
  ...(calls.length > 0 ? { tool_calls: calls } : {}),
});

/** A result; its tool's name is that of the newest call with the id. */
export function makeResult(id: string, content: unknown, names: Map<string, string>, failed = false): MessageInput {
  const name = names.get(id);
  return {
    role: 'tool',
    tool_call_id: id,
    ...(name === undefined ? {} : { name }),
    content,
    ...(failed ? { metadata: { is_error: true } } : {}),
  };
}
