import { type Estimator, estimateTokens } from './estimator';
import { countFor, familyOf } from './model-families';

/** What of a message is counted. */
interface Countable {
  /** Text, a part, or an array of parts. */
  content?: unknown;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[] | null;
  tool_call_id?: string | null;
  name?: string | null;
  /** As it was counted when it was stored, or as the caller said then. */
  token_count?: number;
}

/** Counts what goes to a model. */
export interface MessageCounter {
  message(message: Countable): number;
  text(text: string): number;
  /** Tokens of any request, before its messages. */
  readonly base: number;
}

/** Role, separators; OpenAI says 3, and 1 more for a name. */
const OF_A_MESSAGE = 4;
/** What stands around the name and the arguments of a call. */
const OF_A_CALL = 8;
/** The beginning of the answer, which every request ends with. */
const OF_A_REQUEST = 3;
/** An image, a file or a sound, whatever its size: about what a picture of 1024 by 1024 takes. */
const OF_A_MEDIUM = 1100;
/** The names that providers have for them; what a tool is called (`tool-edit_image`) is none of them. */
const MEDIUM =
  /^(input_|output_|computer_)?(image|file|audio|video|document|media|screenshot)([-_](url|data|id|file-id))?$/;
const DATA_URL = /^data:[^,]{0,100};base64,/;

/** Counts as the model does, text, names, calls and what stands around them: from nothing but the message. */
export function counterOf(model: string): MessageCounter {
  const family = familyOf(model);
  const text = (value: string) => countFor(family, value);
  const calls = ({ tool_calls }: Countable) =>
    (tool_calls ?? []).reduce(
      (sum, { id, function: { name, arguments: input } }) => sum + OF_A_CALL + text(id) + text(name) + text(input),
      0,
    );
  const names = ({ name, tool_call_id }: Countable) => text(name ?? '') + text(tool_call_id ?? '');
  const message = (value: Countable) => OF_A_MESSAGE + contentTokens(value.content, text) + calls(value) + names(value);
  return { message, text: (value) => OF_A_MESSAGE + text(value), base: OF_A_REQUEST };
}

/** Counts as messages are counted when they are stored: what the row says, and nothing around it (C32). */
export const storedCounter = (estimator: Estimator): MessageCounter => ({
  message: ({ token_count, content }) =>
    token_count ?? contentTokens(content, (text) => estimateTokens(text, estimator)),
  text: (text) => estimateTokens(text, estimator),
  base: 0,
});

/** Tokens of a content: all texts of it and the JSON of its other parts, counted at once, and its media. */
export function contentTokens(content: unknown, count: (text: string) => number): number {
  const found: Found = { texts: [], media: 0 };
  // An object of no type, and without text, is nothing to a model (F31).
  if (isPart(content) || Array.isArray(content) || typeof content === 'string') collect(content, found);
  return count(found.texts.filter(Boolean).join('\n')) + found.media * OF_A_MEDIUM;
}

interface Found {
  texts: string[];
  media: number;
}

function collect(content: unknown, found: Found): void {
  if (typeof content === 'string') found.texts.push(content);
  else if (Array.isArray(content)) for (const part of content) collect(part, found);
  else if (isMedium(content)) found.media += 1;
  else if (typeof content === 'object' && content !== null) {
    const { text } = content as { text?: unknown };
    found.texts.push(typeof text === 'string' ? text : jsonWithoutMedia(content, found));
  }
}

/** What a tool took and gave, reasoning, data: as JSON, in which a picture counts as one, not as its bytes. */
const jsonWithoutMedia = (part: object, found: Found): string =>
  JSON.stringify(part, (_, value: unknown) => {
    if (!isMedium(value) && !(typeof value === 'string' && DATA_URL.test(value))) return value;
    found.media += 1;
    return undefined;
  });

const isPart = (content: unknown): boolean => {
  if (typeof content !== 'object' || content === null) return false;
  const { type, text } = content as { type?: unknown; text?: unknown };
  return typeof type === 'string' || typeof text === 'string';
};

const isMedium = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  const { type, text } = value as { type?: unknown; text?: unknown };
  return typeof type === 'string' && typeof text !== 'string' && MEDIUM.test(type);
};
