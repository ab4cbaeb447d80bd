import { ApiProperty, ApiPropertyOptional, IntersectionType, OmitType } from '@nestjs/swagger';
import { IsArray, ValidateIf } from 'class-validator';
import { EnumField, field, IdField, ObjectField, satisfies } from '../http/request/fields';
import { ItemsOf } from '../http/request/validation.pipe';
import { ExpectedVersion } from '../http/request/versions';
import { ChatMessage, MessageInput } from '../messages';
import { SessionSettings, SessionView, StoreQuery } from '../sessions';

/** A member of a loaded state that the server knows better. */
const ReadOnly = () =>
  field(
    { description: 'Ignored: a loaded state can be saved as it is.' },
    {},
    satisfies('isJson', '', () => true),
  );

/** A longer conversation is appended to. */
const MAX_HISTORY = 10_000;

/** A list of messages, each validated as one. */
function HistoryField(description: string): PropertyDecorator {
  return (prototype, name) => {
    ApiProperty({ type: [MessageInput], required: false, description })(prototype, name);
    ValidateIf((_, value) => value !== undefined)(prototype, name);
    IsArray()(prototype, name);
    ItemsOf(MessageInput, MAX_HISTORY)(prototype, name);
  };
}

/** A session as one document. History and metadata replace what is there; what else is absent stays. */
export class SaveState extends IntersectionType(SessionSettings, ExpectedVersion) {
  @HistoryField('Every message, oldest first, at most 10,000. Leading ones that are stored already keep their ids.')
  history?: MessageInput[];

  @HistoryField('The same as history; not both.')
  messages?: MessageInput[];

  @ObjectField({ description: 'Replaces the variables; the same as variables.', nullable: true })
  notebook_variables?: Record<string, unknown> | null;

  @IdField({ description: "If given, the path's id." })
  session_id?: string;

  @IdField({ description: "If given, the path's id." })
  conversation_id?: string;

  @IdField({ description: "If given, the caller's own (else 403)." })
  user_id?: string;

  @IdField({ description: "If given, the credentials' organization (else 403)." })
  org_id?: string;

  @ReadOnly()
  thread_id?: unknown;

  @ReadOnly()
  state?: unknown;

  @ReadOnly()
  parent_session_id?: unknown;

  @ReadOnly()
  turn_count?: unknown;

  @ReadOnly()
  message_count?: unknown;

  @ReadOnly()
  token_count?: unknown;

  @ReadOnly()
  total_cost?: unknown;

  @ReadOnly()
  size_warning?: unknown;

  @ReadOnly()
  warnings?: unknown;

  @ReadOnly()
  created_at?: unknown;

  @ReadOnly()
  updated_at?: unknown;

  @ReadOnly()
  last_activity?: unknown;

  @ReadOnly()
  last_accessed_at?: unknown;

  @ReadOnly()
  expires_at?: unknown;
}

export class GetStateQuery extends StoreQuery {
  @EnumField(['lean'], { description: '`lean`: only messages and token_count.' })
  fields?: 'lean';
}

/** A message as a state holds it: metadata only if there is some, timestamp only if the caller gave one, cost if any. */
export class StateMessage extends OmitType(ChatMessage, ['metadata'] as const) {
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  metadata?: Record<string, unknown>;

  @ApiProperty({ format: 'date-time', required: false })
  timestamp?: string;

  @ApiProperty({ required: false, description: 'Only of a message that cost something.' })
  cost?: number;

  @ApiProperty({ type: 'integer', required: false, description: 'With cost.' })
  token_count?: number;
}

/** A session as one document: load it, change it, save it. */
export class StateView extends OmitType(SessionView, ['variables', 'messages'] as const) {
  @ApiProperty({ type: [StateMessage], description: 'Every message, oldest first.' })
  history!: StateMessage[];

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'By name, in the order in which they came.' })
  notebook_variables!: Record<string, unknown>;
}

export class LeanState {
  @ApiProperty({ type: [StateMessage] })
  messages!: StateMessage[];

  @ApiProperty({ type: 'integer' })
  token_count!: number;
}
