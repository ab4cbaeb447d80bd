import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { IsArray } from 'class-validator';
import {
  BoundField,
  EnumField,
  FlagField,
  IdField,
  IntField,
  ObjectField,
  TextField,
  UuidField,
} from '../http/request/fields';
import { PageQuery, PageView } from '../http/request/paging';
import { ExpectedVersion } from '../http/request/versions';
import { ItemsOf } from '../http/request/validation.pipe';
import { type Estimator, ESTIMATORS } from '../tokens';
import { ContentField, CostField, HoursField, PastTimeField, ToolCallsField } from './message-fields';
import { MESSAGE_ROLES, type MessageRole, type ToolCall } from './message.entity';

class ToolFunctionView {
  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'JSON text, kept byte for byte.', example: '{"user_id": "123"}' })
  arguments!: string;
}

/** One call of a tool by the assistant. */
class ToolCallView {
  @ApiProperty()
  id!: string;

  @ApiProperty({ default: 'function' })
  type!: string;

  @ApiProperty({ type: ToolFunctionView })
  function!: ToolFunctionView;
}

/** A message to store. */
export class MessageInput {
  @UuidField({ description: 'Your own id makes a retry safe: the same id and body again is the same message.' })
  id?: string;

  @EnumField(MESSAGE_ROLES, { description: 'Required.', example: 'user' })
  role?: MessageRole;

  @EnumField(MESSAGE_ROLES, { description: 'The same as role.' })
  sender_role?: MessageRole;

  @ContentField({
    description: 'Text, one part or an array of parts. null or absent only beside tool_calls.',
    example: 'Hello',
  })
  content?: unknown;

  @ToolCallsField({ description: 'Calls of an assistant message.' })
  tool_calls?: ToolCall[] | null;

  @TextField({
    min: 1,
    max: 255,
    description: 'The call that a tool message answers; it or metadata.tool_name is required.',
    nullable: true,
  })
  tool_call_id?: string | null;

  @TextField({ max: 255, description: 'Name of the tool or the participant.', nullable: true })
  name?: string | null;

  @IdField({
    description:
      'Who speaks, where the role is not enough. Others than yourself: service keys and admins only (else 403).',
    nullable: true,
  })
  sender_id?: string | null;

  @ObjectField({ description: 'Free JSON object, at most 64 KB; shown as content.metadata too.' })
  metadata?: Record<string, unknown>;

  @IntField({ max: 2 ** 31 - 1, description: 'Tokens, if you know them better than the estimator.' })
  token_count?: number;

  @CostField({ description: 'Cost of the call that made it; summed exactly in total_cost.', example: 0.0015 })
  cost?: number | string;

  @PastTimeField({ description: "Your own time of the message; created_at is the server's." })
  timestamp?: string | number;
}

/** What an append says of itself. */
class AppendSettings extends ExpectedVersion {
  @EnumField(ESTIMATORS, { description: 'How tokens are counted; the default is TOKEN_ESTIMATOR.' })
  token_estimator?: Estimator;
}

/** One message, with what concerns the request. */
export class AppendMessage extends IntersectionType(MessageInput, AppendSettings) {}

/** Several messages: all are stored, next to each other, or none. */
export class AppendMessages extends AppendSettings {
  @ApiProperty({ type: [MessageInput], description: 'At most 1000.' })
  @IsArray()
  @ItemsOf(MessageInput)
  messages!: MessageInput[];

  @IntField({
    description:
      'Position of the first message, from 0: what is there already is skipped; beyond the end means at the end.',
  })
  start_seq?: number;
}

export class AppendQuery {
  @FlagField({ default: 'true', description: 'false: validate and count, but store nothing.' })
  persist?: 'true' | 'false';
}

/** What may change of a message; role, position and time may not. */
export class UpdateMessage extends ExpectedVersion {
  @ContentField({ description: 'New content.' })
  content?: unknown;

  @ObjectField({ description: 'JSON merge patch of the metadata.' })
  metadata?: Record<string, unknown>;

  @IntField({ max: 2 ** 31 - 1, description: 'Tokens of the new content; estimated if absent.' })
  token_count?: number;

  @CostField({ description: 'New cost.' })
  cost?: number | string;
}

/** For reads of what there was. */
export class AsOfQuery {
  @IntField({
    description: 'Only messages up to this number, as they are now: what was said since is left out, also of `total`.',
  })
  as_of?: number;
}

export class ListMessagesQuery extends IntersectionType(PageQuery, AsOfQuery) {
  @IntField({ description: 'Only messages after this number; it stays put while others write (C56).' })
  after_seq?: number;

  @IntField({ min: 1, description: 'Only messages before this number.' })
  before_seq?: number;

  @IntField({ min: 1, max: 1000, description: 'The newest n, oldest first; on its own.' })
  last?: number;

  @IdField({ description: 'Only messages that this user wrote, by the credentials of the request.' })
  created_by?: string;

  @BoundField({ description: 'Stored at this time or later.' })
  from?: string;

  @BoundField({ description: 'Stored before this time.' })
  to?: string;
}

/** Which messages stay: exactly one of the three. */
export class TruncateMessages extends ExpectedVersion {
  @IntField({ max: 10 ** 9, description: 'The newest n; fewer where a tool call would lose its result.', example: 20 })
  keep_last?: number;

  @HoursField({ description: 'Those younger than this many hours; fractions are allowed.' })
  max_age_hours?: number;

  @BoundField({ description: "Those after this time, by the caller's time of a message if it has one." })
  after?: string | number;
}

const HISTORY_FORMATS = ['chat', 'prompt'] as const;

export class HistoryQuery extends AsOfQuery {
  @IntField({ max: 1000, default: 20, description: 'The newest n messages, oldest first.' })
  limit?: number;

  @IntField({ min: 1, max: 1000, description: 'The same as limit.' })
  max_messages?: number;

  @IntField({ min: 1, max: 1000, description: 'The same as limit.' })
  last_n?: number;

  @IntField({
    min: 1,
    max: 10_000_000,
    description: 'The newest messages within this many tokens, at most 100 unless limit says; the last one always.',
  })
  max_tokens?: number;

  @TextField({ min: 1, max: 2000, description: '`next_cursor` of the answer before: older messages.' })
  after?: string;

  @EnumField(HISTORY_FORMATS, { default: 'chat', description: '`prompt`: plain text, one line a message.' })
  format?: (typeof HISTORY_FORMATS)[number];

  @FlagField({ default: 'false', description: 'With format=prompt: system messages too.' })
  include_system?: 'true' | 'false';
}

/** A stored message. */
export class MessageView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid' })
  thread_id!: string;

  @ApiProperty({ format: 'uuid', description: 'The same as thread_id.' })
  chat_thread_id!: string;

  @ApiProperty({ type: 'integer', description: 'Number in the thread, from 1, never reused.' })
  seq!: number;

  @ApiProperty({ enum: MESSAGE_ROLES })
  role!: MessageRole;

  @ApiProperty({ enum: MESSAGE_ROLES, description: 'The same as role.' })
  sender_role!: MessageRole;

  @ApiProperty({ type: String, nullable: true, description: "Who is said to speak: the caller's word." })
  sender_id!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The user who wrote it, by the credentials of the request; null where that is not known any more.',
  })
  created_by!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'With what: the id of an API key, `jwt`, `default` (no credentials) or `cli`.',
  })
  created_via!: string | null;

  @ApiProperty({
    required: false,
    nullable: true,
    description: 'As stored: a text is {type: "text", text}. Absent if the message had none.',
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: { type: 'object', additionalProperties: true } },
    ],
  })
  content?: unknown;

  @ApiProperty({ type: [ToolCallView], nullable: true })
  tool_calls!: ToolCall[] | null;

  @ApiProperty({ type: String, nullable: true })
  tool_call_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  name!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;

  @ApiProperty({ type: 'integer' })
  token_count!: number;

  @ApiProperty()
  cost!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: "The caller's own time." })
  timestamp!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
}

/** Several messages as they are stored; with persist=false as they would be. */
export class MessageBatch {
  @ApiProperty({ type: [MessageView], description: 'In the order of the request.' })
  data!: MessageView[];

  @ApiProperty({ example: true })
  success!: boolean;

  @ApiProperty({ type: 'integer', description: 'Messages that this request sent.' })
  message_count!: number;

  @ApiProperty({ type: 'integer', description: 'Messages of the thread now.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now." })
  version!: number;
}

export class MessageList extends PageView {
  @ApiProperty({ type: [MessageView] })
  data!: MessageView[];

  @ApiProperty({ type: 'integer', description: "The thread's version; also the ETag." })
  version!: number;
}

/** A message ready for a model call. */
export class ChatMessage {
  @ApiProperty({ enum: MESSAGE_ROLES })
  role!: MessageRole;

  @ApiProperty({
    required: false,
    nullable: true,
    description: 'Plain text where it is only text; else an array of parts.',
    oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'object', additionalProperties: true } }],
  })
  content?: unknown;

  @ApiProperty({ type: [ToolCallView], required: false })
  tool_calls?: ToolCall[];

  @ApiProperty({ required: false })
  tool_call_id?: string;

  @ApiProperty({ required: false })
  name?: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;
}

export class ChatHistory extends PageView {
  @ApiProperty({ type: [ChatMessage] })
  data!: ChatMessage[];
}

export class DeletedMessage {
  @ApiProperty({ example: true })
  deleted!: boolean;

  @ApiProperty({ format: 'uuid' })
  id!: string;
}

export class TruncatedThread {
  @ApiProperty({ type: 'integer', description: 'Messages that were removed.' })
  removed!: number;

  @ApiProperty({ type: 'integer', description: 'Messages that are left.' })
  remaining!: number;

  @ApiProperty({ type: 'integer', description: 'The same as remaining.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now; also the ETag." })
  version!: number;
}

export class ClearedThread {
  @ApiProperty({ type: 'integer', description: 'Messages that were removed.' })
  cleared!: number;
}
