import { type MessageRow, unitsOf } from '../../messages';

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

/** The units of a history, ordered by their last messages. */
export function toUnits<Row extends Linked>(entries: Entry<Row>[]): Unit<Row>[] {
  const units = new Map<number, Unit<Row>>();
  const links = entries.map(({ row }) => ({ tool_calls: row.tool_calls, tool_call_id: resultOf(row) }));
  unitsOf(links, true).forEach((first, position) => {
    const unit = units.get(first) ?? { entries: [], tokens: 0, state: 'whole', last: position };
    const entry = entries[position];
    unit.entries.push(entry);
    unit.tokens += entry.tokens;
    unit.last = position;
    units.set(first, unit);
  });
  for (const unit of units.values()) unit.state = stateOf(unit);
  return [...units.values()].sort((a, b) => a.last - b.last);
}

/** The call that a message is the result of. */
const resultOf = ({ role, tool_call_id }: Linked) => (role === 'tool' ? tool_call_id : null);

/** Each message of a unit but the first is the result of another of its calls. */
function stateOf({ entries }: Unit<Linked>): Unit['state'] {
  const { row } = entries[0];
  if (resultOf(row) !== null) return 'orphan';
  return entries.length - 1 < new Set(row.tool_calls?.map(({ id }) => id)).size ? 'open' : 'whole';
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
