import type { MessageRow } from '../../messages/message.entity';

type Linked = Pick<MessageRow, 'role' | 'tool_calls' | 'tool_call_id'>;

/** A message with what it costs. */
export interface Entry<Row = MessageRow> {
  row: Row;
  tokens: number;
}

/**
 * What goes to the model together or not at all: a message on its own, or an assistant's calls with all of their results.
 * `orphan`: a result whose call is nowhere before it. `open`: calls of which at least one has no result.
 */
export interface Unit<Row = MessageRow> {
  entries: Entry<Row>[];
  tokens: number;
  state: 'whole' | 'open' | 'orphan';
  /** Position of the last message, by which units are ordered. */
  last: number;
}

/**
 * The units of a history, ordered by their last messages. Each result belongs to the nearest call before it that has its
 * id and no result yet: ids may come again.
 */
export function toUnits<Row extends Linked>(entries: Entry<Row>[]): Unit<Row>[] {
  const waiting = new Map<string, Unit<Row>>();
  const missing = new Map<Unit<Row>, number>();
  const units = new Set<Unit<Row>>();
  entries.forEach((entry, position) => {
    const { role, tool_calls, tool_call_id } = entry.row;
    const isResult = role === 'tool' && tool_call_id !== null;
    const called = isResult ? waiting.get(tool_call_id) : undefined;
    const unit = called ?? { entries: [], tokens: 0, state: isResult ? 'orphan' : 'whole', last: position };
    add(unit, entry, position);
    units.add(unit);
    if (called) {
      waiting.delete(tool_call_id!);
      missing.set(called, missing.get(called)! - 1);
      if (missing.get(called) === 0) called.state = 'whole';
    }
    if (!tool_calls || tool_calls.length === 0) return;
    unit.state = 'open';
    missing.set(unit, new Set(tool_calls.map(({ id }) => id)).size);
    for (const { id } of tool_calls) waiting.set(id, unit);
  });
  return [...units].sort((a, b) => a.last - b.last);
}

function add<Row>(unit: Unit<Row>, entry: Entry<Row>, position: number): void {
  unit.entries.push(entry);
  unit.tokens += entry.tokens;
  unit.last = position;
}

export const tokensOf = (items: { tokens: number }[]) => items.reduce((sum, { tokens }) => sum + tokens, 0);

/**
 * What may be sent of a history. Providers refuse half a tool call: orphans go, and calls that never got their results,
 * unless the newest message is among them, since its results are about to come.
 */
export function sendable<Row>(units: Unit<Row>[], newestMayWait: boolean): Unit<Row>[] {
  const answered = units.filter(({ state }) => state !== 'orphan');
  return answered.filter((unit, index) => unit.state === 'whole' || (newestMayWait && index === answered.length - 1));
}
