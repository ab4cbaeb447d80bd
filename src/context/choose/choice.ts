import type { Unit } from './units';

/** What a strategy chooses from. */
export interface Task {
  /** What may be sent, ordered by last message; not empty. The last unit is chosen whatever it costs. */
  units: Unit[];
  /** Tokens for them; Infinity: no budget. */
  room: number;
  /** Messages at most, unless the last unit alone has more. */
  most: number;
  /** The units begin where the thread begins. */
  whole: boolean;
  /** Cuts fall on multiples of so many messages. */
  step?: number;
  minRecent: number;
  /** What the user wants to know. */
  query: string;
  /** Older messages go. */
  after?: Date;
}

/** Why a message is not in the context. */
export type OutReason =
  | 'over_budget'
  | 'outside_window'
  | 'too_old'
  | 'summarized'
  | 'cut_in_steps'
  | 'result_without_call'
  | 'call_without_result';

/** What a strategy has chosen; `why` holds for everything else. */
export interface Choice {
  kept: Unit[];
  why: Map<Unit, OutReason>;
  /** What one summary is to stand for. */
  summarize?: Unit[];
  /** The budget is not to be kept: the caller said so, or wants to be told. */
  over?: 'allowed' | 'refused';
}
