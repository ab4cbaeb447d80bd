import { describe, FACTS_TITLE, section } from '../../common/describe';

/** What is remembered, as one text of lines, the first ones that fit. The same facts are the same text. */
export function factsText(
  facts: Record<string, unknown>,
  room: number,
  count: (text: string) => number,
): { text?: string; left: number } {
  const lines = describe(facts);
  if (room === Infinity) return { text: section(FACTS_TITLE, lines), left: 0 };
  const kept: string[] = [];
  let free = room - count(FACTS_TITLE);
  for (const line of lines) {
    // The line break and the dash.
    const tokens = count(line) + 2;
    if (tokens > free) continue;
    kept.push(line);
    free -= tokens;
  }
  while (kept.length > 0 && count(section(FACTS_TITLE, kept)!) > room) kept.pop();
  return { text: section(FACTS_TITLE, kept), left: lines.length - kept.length };
}
