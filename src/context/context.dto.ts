import { ApiProperty } from '@nestjs/swagger';
import { IntField } from '../common/fields';
import { ChatMessage } from '../messages/messages.dto';

export class ContextQuery {
  @IntField({ min: 1, max: 1000, default: 20, description: 'At most this many of the newest messages.' })
  window?: number;

  @IntField({ min: 1, max: 10_000_000, description: "Budget in tokens; by default the session's max_tokens." })
  token_budget?: number;
}

/** What to send to the model next. */
export class ContextView {
  @ApiProperty()
  session_id!: string;

  @ApiProperty({ type: [ChatMessage], description: "The session's system prompt, then messages, oldest first." })
  messages!: ChatMessage[];

  @ApiProperty({ type: 'integer', description: 'Tokens of these messages.' })
  token_count!: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The budget that was kept; null: none.' })
  token_budget!: number | null;

  @ApiProperty({ description: 'Whether the budget left messages of the window out.' })
  truncated!: boolean;

  @ApiProperty({ type: 'integer', description: 'Messages of the whole session.' })
  total!: number;
}
