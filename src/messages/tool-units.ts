import type { MessageRow } from './message.entity';

type Linked = Pick<MessageRow, 'tool_calls' | 'tool_call_id'>;

/**
 * Where a list may be cut so that about `keep` of its last messages stay: the index of the first one that stays.
 * A call and its results are one unit (C50): a cut never runs through one. Where it would, the cut moves towards the
 * end, and only if nothing would stay there, towards the beginning.
 */
export function cutBefore(messages: Linked[], keep: number): number {
  const wanted = Math.max(0, messages.length - keep);
  const splits = splitPoints(messages);
  for (let cut = wanted; cut < messages.length; cut += 1) if (!splits.has(cut)) return cut;
  for (let cut = wanted; cut > 0; cut -= 1) if (!splits.has(cut)) return cut;
  return 0;
}

/** The same where `keep` messages stay at least: the cut moves towards the beginning. 0: there is no place for one. */
export function cutKeeping(messages: Linked[], keep: number): number {
  const splits = splitPoints(messages);
  for (let cut = messages.length - keep; cut > 0; cut -= 1) if (!splits.has(cut)) return cut;
  return 0;
}

/**
 * For each message the index of the first one of its unit: of a result the nearest call before it that has its id, otherwise
 * itself. Ids may come again.
 * @param once whether a call takes one result only, so that a second one is a unit of its own
 */
export function unitsOf(messages: Linked[], once = false): number[] {
  const calledAt = new Map<string, number>();
  return messages.map(({ tool_calls, tool_call_id }, index) => {
    const unit = (tool_call_id === null ? undefined : calledAt.get(tool_call_id)) ?? index;
    if (once && tool_call_id !== null) calledAt.delete(tool_call_id);
    for (const call of tool_calls ?? []) calledAt.set(call.id, index);
    return unit;
  });
}

/** The indexes before which a call is still waiting for a result that comes at or after them. */
function splitPoints(messages: Linked[]): Set<number> {
  const lastResult = messages.map((_, index) => index);
  unitsOf(messages).forEach((call, index) => (lastResult[call] = index));
  const splits = new Set<number>();
  let reach = 0;
  lastResult.forEach((last, index) => {
    if (reach >= index && index > 0) splits.add(index);
    reach = Math.max(reach, last);
  });
  return splits;
}
