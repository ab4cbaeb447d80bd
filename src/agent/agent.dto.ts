import { ApiProperty } from '@nestjs/swagger';
import { IntField, ObjectField, TextField } from '../http/request/fields';
import { PartOf } from '../http/request/validation.pipe';

/** What the notebook says of itself. */
class NotebookContext {
  @TextField({ min: 1, max: 255, required: true, description: 'The notebook; the first one of a session stays.' })
  notebook_id!: string;

  @TextField({ min: 1, max: 255, required: true, description: 'The same id goes on with the same conversation.' })
  session_id!: string;

  @ObjectField({
    description: 'Names of variables with their types; merged into those of the session.',
    nullable: true,
  })
  variables?: Record<string, unknown> | null;

  @IntField({ description: 'Cells of the notebook.', default: 0 })
  cell_count?: number;

  @TextField({ max: 100_000, description: 'The last error in the notebook; the model is told.', nullable: true })
  last_error?: string | null;

  @TextField({ max: 100_000, description: 'The code of the current cell; the model is told.', nullable: true })
  current_cell?: string | null;

  @TextField({
    max: 1000,
    description: "A key of yours for the server's model, instead of the server's own; not stored.",
    nullable: true,
  })
  api_key?: string | null;
}

/** One question of a notebook's user. */
export class QuickQuery {
  @TextField({
    min: 1,
    max: 1_000_000,
    required: true,
    description: 'The question.',
    example: 'What variables are available?',
  })
  query!: string;

  @PartOf(NotebookContext, 'The notebook and its session.')
  context!: NotebookContext;
}

const AGENT_MESSAGE_TYPES = ['explanation', 'error'] as const;

/** One thing that the agent says. */
export class AgentMessage {
  @ApiProperty({ enum: AGENT_MESSAGE_TYPES, description: '`error`: the model failed; the question is kept.' })
  type!: (typeof AGENT_MESSAGE_TYPES)[number];

  @ApiProperty()
  content!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Of an answer: model, finish_reason; of an error: code.',
  })
  metadata!: Record<string, unknown>;
}

/** What the turn cost. */
class AgentUsage {
  @ApiProperty({ type: 'integer' })
  input_tokens!: number;

  @ApiProperty({ type: 'integer' })
  output_tokens!: number;

  @ApiProperty({ type: 'integer' })
  total_tokens!: number;

  @ApiProperty({ description: 'US dollars, by MODEL_INPUT_PRICE and MODEL_OUTPUT_PRICE.' })
  cost_usd!: number;
}

/** The answer to a question. */
export class QuickAnswer {
  @ApiProperty()
  query!: string;

  @ApiProperty({ example: 'unknown', description: 'Always `unknown`: questions are not sorted into kinds.' })
  route!: string;

  @ApiProperty({ type: [AgentMessage] })
  messages!: AgentMessage[];

  @ApiProperty({ type: AgentUsage, nullable: true, description: 'null if the model failed.' })
  usage!: AgentUsage | null;

  @ApiProperty()
  session_id!: string;
}
