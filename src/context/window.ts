import type { MessageRow } from '../messages/message.entity';
import { cutBefore } from '../messages/messages.service';

type Counted = Pick<MessageRow, 'token_count' | 'tool_calls' | 'tool_call_id'>;

/**
 * The newest messages within a budget of tokens, oldest first. A tool call and its results stay together or go together;
 * the newest of them stays whatever it counts (C29).
 */
export function newestWithin<Row extends Counted>(rows: Row[], budget: number): Row[] {
  let room = budget;
  let keep = 0;
  while (keep < rows.length && room >= rows[rows.length - 1 - keep].token_count) {
    room -= rows[rows.length - 1 - keep].token_count;
    keep += 1;
  }
  return withoutOrphans(rows.slice(cutBefore(rows, Math.max(1, keep))));
}

/** A result at the head whose call lies further back would be refused by a model. */
function withoutOrphans<Row extends Counted>(rows: Row[]): Row[] {
  const calls = new Set(rows.flatMap((row) => (row.tool_calls ?? []).map((call) => call.id)));
  const first = rows.findIndex((row) => row.tool_call_id === null || calls.has(row.tool_call_id));
  return first <= 0 ? rows : rows.slice(first);
}
