/** `name: value` for each member, in the order of the names: the same record is the same text. */
export function describe(record: Record<string, unknown>): string[] {
  const names = Object.keys(record).sort();
  return names.map((name) => `${oneLine(name)}: ${oneLine(valueText(record[name]))}`);
}

/** Lines under a title; nothing where there are none. */
export const section = (title: string, lines: string[]) =>
  lines.length > 0 ? [title, ...lines.map((line) => `- ${line}`)].join('\n') : undefined;

const LINE_END = /[\r\n\u2028\u2029]/;

/** A value of several lines must not look like a line of its own. Each run of blanks is looked at once: linear in the text. */
export const oneLine = (text: string) => text.replace(/\s+/g, (run) => (LINE_END.test(run) ? ' ' : run)).trim();

const valueText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

export const FACTS_TITLE = 'What is remembered of the user:';
