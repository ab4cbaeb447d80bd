import { rank } from '../../common/word-ranking';
import { textOf } from '../../messages';
import type { Choice, OutReason, Task } from './choice';
import { type Entry, type Unit, tokensOf } from './units';

/** Of each unit the beginning is compared: for 1000 units of this length the server does nothing else for 50 to 90 ms. */
const MAX_COMPARED_LENGTH = 1000;

/** The question, or else the newest message of the user (U75: none, nothing is looked for). */
export function questionOf({ question }: { question?: string }, entries: Entry[]): string {
  const last = [...entries].reverse().find(({ row }) => row.role === 'user');
  return question ?? (last ? textOf(last.row.content) : '');
}

/** Positions of the units that share words with the query, best first. */
export function mostRelevant(query: string, units: Unit[]): number[] {
  return rank(query, units.map(unitText));
}

/**
 * What may be quoted beside what is kept: never the question itself, wherever it was asked, and one copy of what forks share.
 * @param own units of the conversation, those that are kept too
 */
export function quotable(query: string, kept: Unit[], own: Unit[], elsewhere: Unit[]): Unit[] {
  const known = new Set(own.map(({ entries }) => contentKey(entries)));
  const others = elsewhere.filter(({ entries }) => {
    const key = contentKey(entries);
    return !known.has(key) && known.add(key);
  });
  const asked = inOneLine(query);
  return [...others, ...own.filter((unit) => !kept.includes(unit))].filter(
    ({ entries }) => entries.length > 1 || inOneLine(textOf(entries[0].row.content)) !== asked,
  );
}

/** The same for messages that say the same. */
export const contentKey = (entries: { row: Pick<Entry['row'], 'role' | 'content'> }[]) =>
  entries.map(({ row }) => `${row.role} ${JSON.stringify(row.content)}`).join('\n');

const inOneLine = (text: string) => text.replace(/\s+/g, ' ').trim().toLowerCase();

const unitText = ({ entries }: Unit) =>
  entries
    .map(({ row }) => [textOf(row.content), ...(row.tool_calls ?? []).map(callText)].join('\n'))
    .join('\n')
    .slice(0, MAX_COMPARED_LENGTH);

const callText = ({ function: { name, arguments: input } }: { function: { name: string; arguments: string } }) =>
  `${name} ${input}`;

/**
 * The newest `minRecent` messages and the system messages; then those that share most words with the query; then, where
 * there is room left, the newest of the others. In their old order.
 */
export function byRelevance({ units, room, most, minRecent, query }: Task): Choice {
  const kept = new Set<Unit>();
  const budget = { tokens: room, messages: most };
  const take = (unit: Unit) => {
    if (kept.has(unit) || (kept.size > 0 && !fits(unit, budget))) return;
    kept.add(unit);
    budget.tokens -= unit.tokens;
    budget.messages -= unit.entries.length;
  };
  const newestFirst = [...units].reverse();
  recentOf(newestFirst, minRecent).forEach(take);
  newestFirst.filter(({ entries }) => ['system', 'developer'].includes(entries[0].row.role)).forEach(take);
  mostRelevant(query, units).forEach((position) => take(units[position]));
  newestFirst.forEach(take);
  const out = units.filter((unit) => !kept.has(unit));
  const reason: OutReason = tokensOf(units) > room ? 'over_budget' : 'outside_window';
  return { kept: units.filter((unit) => kept.has(unit)), why: new Map(out.map((unit) => [unit, reason])) };
}

const fits = (unit: Unit, budget: { tokens: number; messages: number }) =>
  unit.tokens <= budget.tokens && unit.entries.length <= budget.messages;

function recentOf(newestFirst: Unit[], messages: number): Unit[] {
  let count = 0;
  return newestFirst.filter(({ entries }) => {
    const isRecent = count < messages;
    count += entries.length;
    return isRecent;
  });
}
