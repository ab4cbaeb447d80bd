import type { MessageRow } from '../../messages/message.entity';

/** The most messages of one event or of one entry; a turn that is longer goes on in the next. */
const MOST_OF_PART = 100;

/** A user's message and everything up to the next one. What comes before the first of them is turn 0. */
export interface Turn {
  index: number;
  rows: MessageRow[];
  /** Whether an earlier part of it came before. */
  continued: boolean;
}

/** Where a replay stands: behind a message, which belongs to a turn. */
export interface TurnPosition {
  seq: number;
  turn: number;
}

/** Puts messages together to turns as they come, page by page. */
export class Turns {
  private part?: Turn;

  constructor(private position: TurnPosition) {}

  /** Takes the next messages. @returns the turns that are complete with them */
  take(rows: MessageRow[]): Turn[] {
    return rows.flatMap((row) => this.add(row));
  }

  /** The turn that nothing follows. */
  rest(): Turn[] {
    const { part } = this;
    this.part = undefined;
    return part ? [part] : [];
  }

  private add(row: MessageRow): Turn[] {
    const begins = row.role === 'user';
    const isFull = this.part?.rows.length === MOST_OF_PART;
    const done = begins || isFull ? this.rest() : [];
    const turn = this.position.turn + (begins ? 1 : 0);
    const continued = !begins && (turn > 0 || this.position.seq > 0);
    this.part ??= { index: turn, rows: [], continued };
    this.part.rows.push(row);
    this.position = { seq: row.seq, turn };
    return done;
  }
}
