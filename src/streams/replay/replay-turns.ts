import type { MessageRow } from '../../messages';
import { threadMark } from '../events/live-position';
import { streamErrors } from '../streams.errors';

/** The most messages of one event or of one entry; a turn that is longer goes on in the next. */
const MAX_OF_PART = 100;

/** A user's message and everything up to the next one. What comes before the first of them is turn 0. */
export interface ReplayTurn {
  index: number;
  rows: MessageRow[];
  /** Whether an earlier part of it came before. */
  continued: boolean;
}

/** Where a replay stands: behind a message, which belongs to a turn. */
interface TurnPosition {
  seq: number;
  turn: number;
}

/** Puts messages together to turns as they come, page by page. */
export class ReplayTurns {
  private part?: ReplayTurn;

  constructor(private position: TurnPosition) {}

  /** Takes the next messages. @returns the turns that are complete with them */
  take(rows: MessageRow[]): ReplayTurn[] {
    return rows.flatMap((row) => this.add(row));
  }

  /** The turn that nothing follows. */
  rest(): ReplayTurn[] {
    const { part } = this;
    this.part = undefined;
    return part ? [part] : [];
  }

  private add(row: MessageRow): ReplayTurn[] {
    const begins = row.role === 'user';
    const isFull = this.part?.rows.length === MAX_OF_PART;
    const done = begins || isFull ? this.rest() : [];
    const turn = this.position.turn + (begins ? 1 : 0);
    const continued = !begins && (turn > 0 || this.position.seq > 0);
    this.part ??= { index: turn, rows: [], continued };
    this.part.rows.push(row);
    this.position = { seq: row.seq, turn };
    return done;
  }
}

const TURN_ID = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([0-9a-f]{12})$/;

/** Where a replay goes on, and the last message that it gives: the end does not move while it goes on. */
export interface Remaining {
  position: TurnPosition;
  upTo: number;
}

/** What the id of a turn says. */
export interface ReplayId extends Remaining {
  /** Of the thread that was replayed. */
  mark: string;
}

/** The id of a turn's event. */
export const toReplayId = ({ seq, turn }: TurnPosition, upTo: number, threadId: string) =>
  `${seq}.${upTo}.${turn}.${threadMark(threadId)}`;

/** @throws INVALID_TURN_ID */
export function readReplayId(text: string): ReplayId {
  const parts = TURN_ID.exec(text.trim());
  if (!parts) throw streamErrors.INVALID_TURN_ID();
  const [seq, upTo, turn] = parts.slice(1, 4).map(Number);
  return { position: { seq, turn }, upTo, mark: parts[4] };
}
