import { isObject } from '../../http/request/fields';

/** Answers and requests are written and read by recursion: deeper than this could exhaust a stack. */
const DEEPEST = 64;

/**
 * The arguments of a call as an object, for formats that take no JSON text. Blank text is `{}`; text that is no JSON
 * object, is nested too deep or holds integers that a double would change is `{ raw_arguments: text }`.
 */
export function toInput(text: string): Record<string, unknown> {
  if (!text.trim()) return {};
  const input = isExact(text) ? parse(text) : undefined;
  return isObject(input) && rawOf(input) === undefined ? input : { raw_arguments: text };
}

/** The other way: JSON text of an input, and the very text of one that `toInput` had to wrap. */
export function toArguments(input: unknown): string {
  if (typeof input === 'string') return input;
  return rawOf(input) ?? JSON.stringify(input ?? {});
}

const rawOf = (input: unknown) =>
  isObject(input) && Object.keys(input).length === 1 && typeof input.raw_arguments === 'string'
    ? input.raw_arguments
    : undefined;

function isExact(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
  let depth = 0;
  for (const character of bare) {
    if (character === '{' || character === '[') depth += 1;
    if (depth > DEEPEST) return false;
    if (character === '}' || character === ']') depth -= 1;
  }
  const numbers = bare.match(/-?\d[\d.eE+-]*/g) ?? [];
  return numbers.every((number) => Number.isFinite(Number(number)) && (/[.eE]/.test(number) || isSafe(number)));
}

const isSafe = (integer: string) => Number.isSafeInteger(Number(integer));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
