import type { ModelMessage } from '../../models';
import { textOf } from '../../messages';

/** Makes one text of many messages. Two implementations, one contract test (`test/summaries-summarizers.e2e-spec.ts`). */
export abstract class Summarizer {
  /** `local`, or the name of the model. */
  abstract readonly name: string;

  /**
   * @param messages oldest first; none of them: '' at once
   * @throws MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REFUSED; the signal's reason once it is aborted
   */
  abstract summarize(messages: ModelMessage[], signal?: AbortSignal): Promise<string>;
}

/** What is said in a message: its text, and the calls of tools. */
export function saidIn({ content, tool_calls }: ModelMessage): string {
  const calls = (tool_calls ?? []).map((call) => `called ${call.function.name}(${call.function.arguments})`);
  return [textOf(content), ...calls].filter(Boolean).join('\n').trim();
}

/** `[role]: content`. Further lines of a message are indented, so that none looks like another message. */
export const toLine = (message: ModelMessage) => `[${message.role}]: ${saidIn(message).replace(/[\r\n]+/g, '\n  ')}`;

/** Lines put together to parts of about `length` characters; a line longer than that is cut. */
export function partsOf(lines: string[], length: number): string[] {
  const parts: string[] = [];
  let part: string[] = [];
  let size = 0;
  for (const line of lines.map((whole) => whole.slice(0, length))) {
    if (part.length > 0 && size + line.length > length) {
      parts.push(part.join('\n'));
      [part, size] = [[], 0];
    }
    part.push(line);
    size += line.length;
  }
  return part.length > 0 ? [...parts, part.join('\n')] : parts;
}
