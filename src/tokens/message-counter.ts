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
/** An image, a file or a sound: about what a picture of 1024 by 1024 takes. */
const OF_A_MEDIUM = 1100;
const MEDIUM = /image|file|audio|video|document|media/;

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

function contentTokens(content: unknown, count: (text: string) => number): number {
  if (typeof content === 'string') return count(content);
  if (Array.isArray(content)) return content.reduce<number>((sum, part) => sum + contentTokens(part, count), 0);
  if (typeof content !== 'object' || content === null) return 0;
  const { type, text } = content as { type?: unknown; text?: unknown };
  if (typeof text === 'string') return count(text);
  if (typeof type === 'string' && MEDIUM.test(type)) return OF_A_MEDIUM;
  return count(JSON.stringify(content));
}
