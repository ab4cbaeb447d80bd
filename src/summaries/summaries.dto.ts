import { ApiProperty } from '@nestjs/swagger';
import { EnumField, IntField, TextField } from '../http/request/fields';
import { PageQuery, PageView } from '../http/request/paging';
import type { SummaryRow } from './summary.entity';

/** A summary that the caller has made, of messages that are stored, or were. */
export class AddSummary {
  @IntField({ description: 'Messages before the range: 0 begins with the first one.', example: 0 })
  start_turn?: number;

  @IntField({
    min: 1,
    description: 'Where the range ends, at most behind the last message; the turn of this number is not in it.',
    example: 10,
  })
  end_turn?: number;

  @IntField({ min: 1, description: 'Instead of start_turn: number of the first message.' })
  from_seq?: number;

  @IntField({ min: 1, description: 'Instead of end_turn: number of the last message, which is in the range.' })
  to_seq?: number;

  @TextField({ min: 1, max: 100_000, required: true, description: 'The summary.', example: 'Greetings.' })
  content!: string;

  @IntField({ max: 2 ** 31 - 1, description: 'Tokens, if you know them better than the estimator.' })
  token_count?: number;
}

export class ListSummariesQuery extends PageQuery {}

const SUMMARY_MODES = ['keep', 'replace'] as const;
export type SummaryMode = (typeof SUMMARY_MODES)[number];

export class Summarize {
  @IntField({
    max: 1_000_000,
    description:
      'The newest n messages are left out; more where a tool call would lose its result. By default SUMMARIZE_KEEP_LAST.',
  })
  keep_last?: number;

  @EnumField(SUMMARY_MODES, {
    default: 'keep',
    description:
      '`keep`: the messages stay, and those that have no summary yet get one. `replace`: one system message with the ' +
      'summary takes the place of the messages.',
  })
  mode?: SummaryMode;
}

/** A text that stands for a range of messages. */
export class SummaryView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid' })
  thread_id!: string;

  @ApiProperty({ type: 'integer', description: 'Messages before the range: from_seq - 1.' })
  start_turn!: number;

  @ApiProperty({ type: 'integer', description: 'Where the range ends, not included, counted from 0: to_seq.' })
  end_turn!: number;

  @ApiProperty({ type: 'integer', description: 'Number of the first message.' })
  from_seq!: number;

  @ApiProperty({ type: 'integer', description: 'Number of the last message.' })
  to_seq!: number;

  @ApiProperty()
  content!: string;

  @ApiProperty({ type: 'integer' })
  token_count!: number;

  @ApiProperty({ description: '`caller`, `local`, or the name of the model.' })
  created_by!: string;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;
}

export class SummaryList extends PageView {
  @ApiProperty({ type: [SummaryView], description: 'By their ranges, oldest first unless asked otherwise.' })
  data!: SummaryView[];
}

export class SummarizeResult {
  @ApiProperty({ format: 'uuid' })
  thread_id!: string;

  @ApiProperty({
    type: SummaryView,
    nullable: true,
    description: 'null: there was nothing to summarize. With `replace` its id is that of the system message.',
  })
  summary!: SummaryView | null;

  @ApiProperty({ enum: SUMMARY_MODES })
  mode!: SummaryMode;

  @ApiProperty({ type: 'integer', description: 'Messages that the summary took the place of; 0 with `keep`.' })
  removed!: number;

  @ApiProperty({ type: 'integer', description: 'Messages of the thread now.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now; also the ETag." })
  version!: number;
}

export const toSummaryView = (row: SummaryRow): SummaryView => ({
  id: row.id,
  thread_id: row.thread_id,
  start_turn: row.from_seq - 1,
  end_turn: row.to_seq,
  from_seq: row.from_seq,
  to_seq: row.to_seq,
  content: row.content,
  token_count: row.token_count,
  created_by: row.created_by,
  created_at: row.created_at,
});
