import { ApiProperty } from '@nestjs/swagger';
import { field, IntField, satisfies, TextField } from '../http/request/fields';
import { SessionMessage } from '../messages';

const SPEED = /^(max|\d{1,6}(\.\d{1,6})?)$/;

/** Where a stream begins; the header Last-Event-ID goes before both. */
export class LiveQuery {
  @IntField({ min: 1, description: 'The first message that is wanted; 1: all there are. Absent: only what is new.' })
  from_seq?: number;

  @TextField({
    max: 64,
    description: 'The same as the header Last-Event-ID, for clients that cannot set one: go on behind this event.',
  })
  last_event_id?: string;
}

/** What of a thread is replayed. */
class ReplayRange {
  @IntField({ min: 1, description: 'The first message; in the middle of a turn, only the rest of it comes.' })
  from_seq?: number;

  @IntField({ max: 10 ** 9, description: 'Instead of from_seq: the first turn. 0 is what stands before the first.' })
  from_turn?: number;

  @IntField({ description: 'The last message.' })
  up_to_seq?: number;
}

/** How a thread is replayed. */
export class ReplayQuery extends ReplayRange {
  @field(
    {
      description:
        '`1`: as fast as it was; other numbers are so many times as fast, such as 10 or 0.5; `max` does not wait at all.',
      default: 'max',
      example: '1',
    },
    { type: String },
    satisfies(
      'isSpeed',
      'be max, or a number above 0 such as 2.5',
      (value) => typeof value === 'string' && SPEED.test(value) && (value === 'max' || Number(value) > 0),
    ),
  )
  speed?: string;

  @IntField({ max: 3_600_000, default: 2000, description: 'The longest wait between two turns, in milliseconds.' })
  max_gap_ms?: number;

  @IntField({ max: 10 ** 9, description: 'Instead of up_to_seq: the last turn.' })
  up_to_turn?: number;

  @TextField({
    max: 64,
    description: 'The same as the header Last-Event-ID: go on behind this turn, up to the same end.',
  })
  last_event_id?: string;
}

/** What of a session is listed, turn by turn. */
export class ReplayBody extends ReplayRange {
  @IntField({ max: 10 ** 9, description: 'The last turn.', example: 2 })
  up_to?: number;
}

/** A turn of a session. */
class SessionTurn {
  @ApiProperty({ type: 'integer', description: 'From 1; 0 is what stands before the first message of a user.' })
  index!: number;

  @ApiProperty({ description: 'Whether an earlier part of this turn came before: long turns come in parts.' })
  continued!: boolean;

  @ApiProperty({ type: [SessionMessage], description: "The user's message, then everything up to the next one." })
  messages!: SessionMessage[];
}

/** The turns of a session, in order. */
export class SessionReplay {
  @ApiProperty()
  session_id!: string;

  @ApiProperty({ type: [SessionTurn], description: 'At most 1000 messages together.' })
  turns!: SessionTurn[];

  @ApiProperty({ type: 'integer', nullable: true, description: 'Where to go on, as from_seq; null at the end.' })
  next_seq!: number | null;
}
