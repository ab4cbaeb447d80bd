/** A line without anything that Markdown or HTML takes for markup: it is a paragraph that reads as it was written. */
const PLAIN = /^[\p{L}"'“„«¿¡(](?:[^\\`*_[\]<>&#~|$\r\n]*\S)?$/u;

/** What is markup inside a line; behind a backslash it is text. */
const INLINE = /[\\`*_[\]<>&#~|$]/g;

/**
 * A text as blocks that end where it ends, whatever it holds: paragraphs if they are plain, else a fence that is longer than
 * any inside.
 */
export const textBlock = (text: string): string =>
  text.split('\n\n').every((paragraph) => PLAIN.test(paragraph)) ? text : fence(text);

/** @param info what stands in the block; texts of messages have none, so that they cannot pass for something else */
export function fence(text: string, info = ''): string {
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const ticks = '`'.repeat(longest + 1);
  // A carriage return at the end would be one line end with ours.
  return `${ticks}${info}\n${text.replace(/\r\n?/g, '\n')}\n${ticks}`;
}

/** A name inside a line. */
export const inline = (text: string): string => text.replace(/\s+/g, ' ').replace(INLINE, '\\$&');

export const quote = (block: string): string =>
  block
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n');
