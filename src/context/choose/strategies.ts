import type { MessageRow } from '../../messages';
import type { Choice, Task } from './choice';
import { byRelevance } from './relevance';
import { tailOf } from './tail';
import { tokensOf, type Unit } from './units';

export interface Strategy {
  about: string;
  /** How far back it reads: the window, until the budget is full, or everything (up to the most that is ever read). */
  reach: 'window' | 'budget' | 'all';
  /** Messages, where the caller names no window. */
  window?: number;
  /** Facts belong to it. */
  facts?: boolean;
  /** What is older than what was read is looked for too, by its words. */
  retrieves?: boolean;
  /** It heeds no budget. */
  unbudgeted?: boolean;
  choose(task: Task): Choice;
}

const WINDOW = 20;

const STRATEGIES = {
  last_n: {
    about: 'the newest `window` messages (20), within the budget',
    reach: 'window',
    window: WINDOW,
    choose: tailOf,
  },
  sliding: { about: 'the newest messages that the budget holds', reach: 'budget', choose: tailOf },
  time_window: {
    about: 'those of the last `max_age_hours`, or since `after`, by the timestamp of the caller where there is one',
    reach: 'budget',
    choose: withinTime,
  },
  summarize: {
    about:
      'the newest that half of the budget holds, and one summary of everything before, made anew each time; reads up to 1000 messages',
    reach: 'all',
    choose: summarized,
  },
  hierarchical: {
    about: 'facts, summaries, and the newest `window` messages (20)',
    reach: 'window',
    window: WINDOW,
    facts: true,
    choose: tailOf,
  },
  relevance: {
    about:
      'the newest `min_recent`, system messages, and those that share most words with the question, among the newest 1000 ' +
      'and the 50 that the search finds before them',
    reach: 'all',
    retrieves: true,
    choose: byRelevance,
  },
  fail: { about: 'everything, or 422 if the budget does not hold it', reach: 'budget', choose: allOrNothing },
  none: {
    about: 'everything of the window, whatever the budget',
    reach: 'window',
    unbudgeted: true,
    choose: everything,
  },
} as const satisfies Record<string, Strategy>;

export type StrategyName = keyof typeof STRATEGIES;

/** Other names for the same (P58, S28). */
const ALIASES: Record<string, StrategyName> = { truncate: 'sliding', oldest: 'sliding', '': 'sliding' };

export const STRATEGY_NAMES = [...Object.keys(STRATEGIES), ...Object.keys(ALIASES)];

/** @param name one of `STRATEGY_NAMES` */
export const strategyOf = (name: string): Strategy => STRATEGIES[ALIASES[name] ?? (name as StrategyName)];

/** For the reference. */
export const ABOUT_STRATEGIES = Object.entries(STRATEGIES)
  .map(([name, { about }]) => `\`${name}\`: ${about}`)
  .join('; ');

function withinTime(task: Task): Choice {
  const { units, after = new Date(0) } = task;
  const isNew = (unit: Unit) => timeOf(unit.entries.at(-1)!.row) >= after.getTime();
  const young = units.filter((unit, index) => index === units.length - 1 || isNew(unit));
  const choice = tailOf({ ...task, units: young });
  const old = units.filter((unit) => !young.includes(unit));
  return { ...choice, why: new Map([...choice.why, ...old.map((unit) => [unit, 'too_old'] as const)]) };
}

const timeOf = ({ client_timestamp, created_at }: MessageRow) => Date.parse(client_timestamp ?? created_at);

function summarized(task: Task): Choice {
  const { units, room, most } = task;
  if (tokensOf(units) <= room && units.flatMap(({ entries }) => entries).length <= most) return everything(task);
  const { kept } = tailOf({ ...task, room: room / 2 });
  const older = units.filter((unit) => !kept.includes(unit));
  return { kept, why: new Map(older.map((unit) => [unit, 'summarized'])), summarize: older };
}

function allOrNothing(task: Task): Choice {
  return tokensOf(task.units) > task.room ? { kept: [], why: new Map(), over: 'refused' } : everything(task);
}

function everything({ units, room }: Task): Choice {
  return { kept: units, why: new Map(), ...(tokensOf(units) > room ? { over: 'allowed' } : {}) };
}
