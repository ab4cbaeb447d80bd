import type { Choice, OutReason, Task } from './choice';
import type { Unit } from './units';

/** The newest units that fit, without a gap. */
export function tailOf(task: Pick<Task, 'units' | 'room' | 'most' | 'whole' | 'step'>): Choice {
  const { units, step } = task;
  const { first, reason } = firstThatFits(task);
  const isCut = first > 0 || !task.whole;
  const begin = step && isCut ? inSteps(units, first, step) : first;
  const why = new Map<Unit, OutReason>();
  units.slice(0, begin).forEach((unit, index) => why.set(unit, index < first ? reason : 'cut_in_steps'));
  return { kept: units.slice(begin), why };
}

function firstThatFits({ units, room, most }: Pick<Task, 'units' | 'room' | 'most'>) {
  let tokens = 0;
  let messages = 0;
  for (let index = units.length - 1; index >= 0; index -= 1) {
    tokens += units[index].tokens;
    messages += units[index].entries.length;
    const isNewest = index === units.length - 1;
    if (!isNewest && messages > most) return { first: index + 1, reason: 'outside_window' as const };
    if (!isNewest && tokens > room) return { first: index + 1, reason: 'over_budget' as const };
  }
  return { first: 0, reason: 'over_budget' as const };
}

/**
 * Moves a cut on to the next message whose number is a multiple of `step`, plus one. Numbers never change, so the cut
 * stays where it is while messages come in, until the step is used up: the context only grows at its end in between,
 * and what a provider has cached of it holds. Where the step would leave the newest unit alone, it is halved.
 */
function inSteps(units: Unit[], first: number, step: number): number {
  const seqOf = (unit: Unit) => unit.entries[0].row.seq;
  const from = seqOf(units[first]) - 1;
  for (let size = step; size > 1; size = Math.floor(size / 2)) {
    const boundary = Math.ceil(from / size) * size + 1;
    const begin = units.findIndex((unit, index) => index >= first && seqOf(unit) >= boundary);
    if (begin >= 0 && begin < units.length - 1) return begin;
  }
  return first;
}
