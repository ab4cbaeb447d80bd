/** What opens code: only at the very beginning of a line is it code in every case, whatever list or quote came before. */
const FENCE = /^(`{3,}(?=[^`]*$)|~{3,})/;

/** A heading, the line under one, or HTML: what would pass for the next speaker. */
const STRUCTURE = /^( {0,3})(?=#|=+[ \t]*$|-+[ \t]*$|<[a-z/!?])/i;

/**
 * A message's text as it stands under its speaker's heading: outside of code, no line of it is a heading of its own, and
 * code that it leaves open ends with it.
 */
export function markdownBody(text: string): string {
  let fence = '';
  const lines = text.split(/\r\n|\r|\n/).map((line) => {
    if (fence) {
      if (closes(line, fence)) fence = '';
      return line;
    }
    fence = FENCE.exec(line)?.[1] ?? '';
    return fence ? line : line.replace(STRUCTURE, '$1\\');
  });
  if (fence) lines.push(fence);
  return lines.join('\n');
}

function closes(line: string, fence: string): boolean {
  const mark = line.replace(/^ {0,3}/, '').trimEnd();
  return mark.length >= fence.length && mark === fence[0].repeat(mark.length);
}
