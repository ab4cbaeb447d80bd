import { ApiProperty, IntersectionType, OmitType } from '@nestjs/swagger';
import { ArrayMinSize, IsArray } from 'class-validator';
import {
  EnumField,
  FlagField,
  IdField,
  IntField,
  NameField,
  ObjectField,
  satisfies,
  TextField,
} from '../http/request/fields';
import { isPlainId } from '../common/ids';
import { CountedPageQuery, ORDERS, type Order, PageView } from '../http/request/paging';
import { ExpectedVersion } from '../http/request/versions';
import { EraseQuery } from '../http/request/erase-query';
import { AppendQuery, AsOfQuery, ListMessagesQuery, MessageBatch, SessionMessage } from '../messages';
import { type AutoSummarize, AutoSummarizeField, AutoSummarizeProperty, SessionIdField } from '../threads';

/** What a caller may say of a session, when it is made and later. */
export class SessionSettings {
  @NameField({ description: "The thread's name; by default the session's id." })
  title?: string;

  @TextField({
    min: 1,
    max: 255,
    description:
      'The notebook that it belongs to: such sessions have SESSION_MAX_AGE_HOURS, SESSION_MAX_CONCURRENT and SESSION_HISTORY_LIMIT.',
    nullable: true,
  })
  notebook_id?: string | null;

  @TextField({ min: 1, max: 255, description: 'Name of the prompt that the application uses.', nullable: true })
  prompt_name?: string | null;

  @TextField({ max: 100_000, description: 'Instructions that stand before every context.', nullable: true })
  system_prompt?: string | null;

  @IntField({
    min: 1,
    max: 10_000_000,
    description: 'Budget of the contexts of this session, in tokens.',
    nullable: true,
  })
  max_tokens?: number | null;

  @AutoSummarizeField()
  auto_summarize?: AutoSummarize | null;

  @ObjectField({ description: 'JSON merge patch (RFC 7396) of the metadata, at most 64 KB.', nullable: true })
  metadata?: Record<string, unknown> | null;

  @ObjectField({ description: 'JSON merge patch of the variables: name to type, or to any value.', nullable: true })
  variables?: Record<string, unknown> | null;
}

/** A session to make, or to go on with. */
export class OpenSession extends SessionSettings {
  @SessionIdField('An id of yours: the same one goes on with the same session. Absent or empty: a new UUID.')
  session_id?: string | null;

  @SessionIdField('The same as session_id.')
  conversation_id?: string | null;

  @IdField({ description: "The owner. Another user than the caller's: service keys and admins only (else 403)." })
  user_id?: string;

  @TextField({ max: 64, description: "If given, the credentials' organization (else 403)." })
  org_id?: string;
}

/** What may change of a session; id and owner may not. */
export class UpdateSession extends IntersectionType(SessionSettings, ExpectedVersion) {}

const PROVIDERS = ['postgres'] as const;

/** Where the session is stored: there is one store so far. */
export class StoreQuery {
  @EnumField(PROVIDERS, { description: 'The store; there is one.' })
  provider?: (typeof PROVIDERS)[number];
}

/** Whose session a path means. Without it an id is the caller's own, always: nobody else can plant a session under it. */
export class OwnerQuery {
  @IdField({ description: 'The owner of a session that is shared with you. Absent: yourself.' })
  owner_id?: string;
}

export class GetSessionQuery extends OwnerQuery {
  @EnumField(['messages'], { description: '`messages` adds the newest 1000 messages.' })
  include?: 'messages';
}

const SESSION_STATES = ['active', 'sleeping', 'archived'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

const SESSION_SORTS = ['updated_at', 'created_at'] as const;

export class ListSessionsQuery extends CountedPageQuery {
  @TextField({ min: 1, max: 255, description: 'Only ids that begin with this text, taken literally.' })
  prefix?: string;

  @IdField({
    description: 'Only sessions of this user. Service keys and admins may name any user of the organization.',
  })
  user_id?: string;

  @FlagField({ default: 'false', description: '`true`: what others share with you, instead of your own sessions.' })
  shared?: 'true' | 'false';

  @EnumField([...SESSION_STATES, 'all'], {
    default: 'active',
    description: '`sleeping`: put to sleep at SESSION_MAX_CONCURRENT; they wake when they are read or written.',
  })
  state?: SessionState | 'all';

  @EnumField(['true'], { description: 'The same as state=active.' })
  active?: 'true';

  @EnumField(SESSION_SORTS, { default: 'updated_at', description: 'Newest first unless order=asc.' })
  sort_by?: (typeof SESSION_SORTS)[number];

  @EnumField(ORDERS, { description: 'The same as order.' })
  sort_order?: Order;
}

export class DeleteSessionsQuery {
  @TextField({ min: 1, max: 255, required: true, description: 'Ids that begin with this text, taken literally.' })
  prefix!: string;

  @IdField({ description: 'Sessions of this user. Service keys and admins may name any user of the organization.' })
  user_id?: string;
}

export class SessionHistoryQuery extends IntersectionType(OwnerQuery, AsOfQuery) {
  @IntField({ min: 1, max: 1000, default: 20, description: 'The newest n entries, oldest first.' })
  max_turns?: number;
}

export class AppendToSessionQuery extends IntersectionType(AppendQuery, StoreQuery, OwnerQuery) {}

export class ClearSessionQuery extends IntersectionType(EraseQuery, StoreQuery) {}

export class SessionMessagesQuery extends IntersectionType(ListMessagesQuery, StoreQuery, OwnerQuery) {}

export class BatchGetSessions {
  @ApiProperty({ type: [String], description: 'At most 1000 ids.' })
  @IsArray()
  @ArrayMinSize(1)
  @satisfies(
    'areIds',
    'be an array of texts of 1 to 255 characters',
    (value) => Array.isArray(value) && value.every(isPlainId),
  )
  ids!: string[];
}

/** A session as the API shows it. */
export class SessionView {
  @ApiProperty()
  session_id!: string;

  @ApiProperty({ description: 'The same as session_id.' })
  conversation_id!: string;

  @ApiProperty({ format: 'uuid', description: 'The thread under it: its messages are the session’s.' })
  thread_id!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The session that it was forked from, as long as that is there.',
  })
  parent_session_id!: string | null;

  @ApiProperty()
  org_id!: string;

  @ApiProperty({ description: 'The owner.' })
  user_id!: string;

  @ApiProperty()
  title!: string;

  @ApiProperty({ enum: SESSION_STATES })
  state!: SessionState;

  @ApiProperty({ type: String, nullable: true })
  notebook_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  prompt_name!: string | null;

  @ApiProperty({ type: String, nullable: true })
  system_prompt!: string | null;

  @ApiProperty({ type: 'integer', nullable: true })
  max_tokens!: number | null;

  @AutoSummarizeProperty()
  auto_summarize!: AutoSummarize | null;

  @ApiProperty({ type: 'integer', description: 'Entries of the history: a question and its answer are two.' })
  turn_count!: number;

  @ApiProperty({ type: 'integer', description: 'The same as turn_count.' })
  message_count!: number;

  @ApiProperty({ type: 'integer', description: "Sum of the messages' token_count." })
  token_count!: number;

  @ApiProperty({ description: "Exact sum of the messages' cost." })
  total_cost!: number;

  @ApiProperty({
    type: [String],
    description: 'Names, in the order in which they came; GET …/variables has the values.',
  })
  variables!: string[];

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;

  @ApiProperty({ description: 'Whether it has more tokens than SESSION_SIZE_WARNING_TOKENS.' })
  size_warning!: boolean;

  @ApiProperty({ type: [String], description: '`large_conversation` with size_warning.' })
  warnings!: string[];

  @ApiProperty({ type: 'integer', description: 'Rises with every write to the session; also the ETag.' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time', description: 'Moves with every write to the session.' })
  updated_at!: string;

  @ApiProperty({ format: 'date-time', description: 'The same as updated_at: reads do not move it.' })
  last_activity!: string;

  @ApiProperty({ format: 'date-time', description: 'Moved by reads too, while SESSION_TTL_SECONDS is set.' })
  last_accessed_at!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'From then on its thread is in the trash; null: never.',
  })
  expires_at!: string | null;

  @ApiProperty({ enum: ['read', 'write'], required: false, description: 'What you may do with it, with shared=true.' })
  permission?: 'read' | 'write';

  @ApiProperty({ format: 'uuid', required: false, description: 'Your share of it, with shared=true.' })
  share_id?: string;

  @ApiProperty({
    type: () => [SessionMessage],
    required: false,
    description: 'When it is new, and with include=messages.',
  })
  messages?: SessionMessage[];
}

export class SessionList extends PageView {
  @ApiProperty({ type: [SessionView] })
  data!: SessionView[];
}

export class SessionBatch {
  @ApiProperty({
    type: 'array',
    items: { nullable: true, allOf: [{ $ref: '#/components/schemas/SessionView' }] },
    description: 'In the order of the request; null where there is none.',
  })
  data!: (SessionView | null)[];
}

export class SessionMessageList extends PageView {
  @ApiProperty({ type: [SessionMessage] })
  data!: SessionMessage[];

  @ApiProperty({ type: 'integer', description: "The session's version; also the ETag." })
  version!: number;
}

export class SessionMessageBatch extends OmitType(MessageBatch, ['data'] as const) {
  @ApiProperty({ type: [SessionMessage], description: 'In the order of the request.' })
  data!: SessionMessage[];
}

class HistoryEntry {
  @ApiProperty({ example: 'user' })
  role!: string;

  @ApiProperty({ description: 'Text only; parts that are no text are left out.' })
  content!: string;
}

/** The history in the words of the notebook's clients. */
export class SessionHistory {
  @ApiProperty()
  session_id!: string;

  @ApiProperty({ type: 'integer', description: 'Entries in this answer (C02).' })
  turn_count!: number;

  @ApiProperty({ type: 'integer', description: 'Entries of the whole session.' })
  total_turns!: number;

  @ApiProperty({ type: [HistoryEntry], description: 'Oldest first.' })
  history!: HistoryEntry[];
}

export class DeletedSession {
  @ApiProperty({ example: 'cleared' })
  status!: string;

  @ApiProperty()
  session_id!: string;

  @ApiProperty({ example: true })
  deleted!: boolean;

  @ApiProperty({ example: true })
  success!: boolean;
}

export class DeletedSessions {
  @ApiProperty({ type: 'integer', description: 'Sessions that were removed.' })
  deleted!: number;
}
