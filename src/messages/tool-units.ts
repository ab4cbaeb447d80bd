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

/** The indexes before which a call is still waiting for a result that comes at or after them. */
function splitPoints(messages: Linked[]): Set<number> {
  const calledAt = new Map<string, number>();
  const splits = new Set<number>();
  messages.forEach(({ tool_calls, tool_call_id }, index) => {
    const from = tool_call_id === null ? undefined : calledAt.get(tool_call_id);
    if (from !== undefined) for (let cut = from + 1; cut <= index; cut += 1) splits.add(cut);
    for (const call of tool_calls ?? []) calledAt.set(call.id, index);
  });
  return splits;
}
