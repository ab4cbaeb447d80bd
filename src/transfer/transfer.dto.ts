import { ApiProperty } from '@nestjs/swagger';
import { IsArray, IsBoolean } from 'class-validator';
import {
  EnumField,
  field,
  FlagField,
  IdField,
  IntField,
  NameField,
  ObjectField,
  TextField,
} from '../http/request/fields';
import { ItemsOf } from '../http/request/validation.pipe';
import { EarlierMessage, EarlierTimes, MAX_SEQ } from '../messages';
import { type AutoSummarize, AutoSummarizeField, SessionIdField, THREAD_STATUSES, type ThreadStatus } from '../threads';
import { SessionSettings } from '../sessions';

export const EXPORT_FORMATS = ['json', 'ndjson', 'markdown'] as const;
export type ExportFormatName = (typeof EXPORT_FORMATS)[number];

export const IMPORT_FORMATS = ['throughline', 'messages', 'openai', 'chatgpt', 'state'] as const;
export type ImportFormatName = (typeof IMPORT_FORMATS)[number];

export class ExportQuery {
  @EnumField(EXPORT_FORMATS, {
    default: 'json',
    description: '`ndjson`: a conversation a line. `markdown` is for people and cannot be imported.',
  })
  format?: ExportFormatName;
}

export class ExportAllQuery extends ExportQuery {
  @IdField({ description: 'Only those of this user. Service keys and admins may name any user of the organization.' })
  user_id?: string;
}

export class ImportQuery {
  @EnumField(IMPORT_FORMATS, { description: 'The form of every conversation; by default each one tells its own.' })
  format?: ImportFormatName;

  @FlagField({ default: 'false', description: 'true: check everything and store nothing.' })
  dry_run?: 'true' | 'false';

  @IdField({ description: "The owner. Another user than the caller's: service keys and admins only (else 403)." })
  user_id?: string;
}

export class ImportSessionsQuery extends ImportQuery {
  @FlagField({ default: 'false', description: 'true: a session that is there is replaced; its memories stay.' })
  overwrite?: 'true' | 'false';
}

/** What only a session has. */
export class SessionPart extends EarlierTimes {
  @SessionIdField('Its id.')
  id?: string | null;

  @TextField({ min: 1, max: 255, description: 'The notebook.', nullable: true })
  notebook_id?: SessionSettings['notebook_id'];

  @TextField({ min: 1, max: 255, description: 'Name of the prompt.', nullable: true })
  prompt_name?: SessionSettings['prompt_name'];

  @TextField({ max: 100_000, description: 'Instructions that stand before every context.', nullable: true })
  system_prompt?: SessionSettings['system_prompt'];

  @IntField({ min: 1, max: 10_000_000, description: 'Budget of the contexts, in tokens.', nullable: true })
  max_tokens?: SessionSettings['max_tokens'];

  @ObjectField({ description: 'The variables, in their order.', nullable: true })
  variables?: SessionSettings['variables'];
}

/** A text that stands for a range of the messages. */
export class SummaryPart extends EarlierTimes {
  @IntField({ min: 1, max: MAX_SEQ, required: true, description: 'Number of the first message.' })
  from_seq!: number;

  @IntField({ min: 1, max: MAX_SEQ, required: true, description: 'Number of the last message.' })
  to_seq!: number;

  @TextField({ min: 1, max: 1_000_000, required: true, description: 'The summary.' })
  content!: string;

  @IntField({ max: 2 ** 31 - 1, description: 'Its tokens.' })
  token_count?: number;

  @TextField({ min: 1, max: 255, description: '`caller`, `local`, or the name of the model.' })
  created_by?: string;

  @field({ description: 'Whether it was made by itself.' }, { type: Boolean }, IsBoolean())
  automatic?: boolean;
}

/** A conversation without its lists. */
export class ConversationHead extends EarlierTimes {
  @IntField({ min: 1, description: 'Version of this form: 2.', example: 2 })
  schema_version?: number;

  @IdField({ description: 'Whose it was. It becomes the caller’s.', nullable: true })
  user_id?: string | null;

  @NameField({ description: 'Its name.', example: 'Hotel search, Tokyo' })
  name?: string;

  @EnumField(THREAD_STATUSES, { description: 'Whether it is archived.' })
  status?: ThreadStatus;

  @ObjectField({ description: 'Its metadata.' })
  metadata?: Record<string, unknown>;

  @AutoSummarizeField()
  auto_summarize?: AutoSummarize | null;

  @IntField({ max: MAX_SEQ, description: 'The highest number that a message had; later ones go on from there.' })
  last_seq?: number;
}

/** Some of a conversation's messages. */
export class MessageParts {
  @IsArray()
  @ItemsOf(EarlierMessage)
  messages!: EarlierMessage[];
}

/** Some of its summaries. */
export class SummaryParts {
  @IsArray()
  @ItemsOf(SummaryPart)
  summaries!: SummaryPart[];
}

/** A conversation as an export has it, and as an import takes it. */
export class ConversationDocument extends ConversationHead {
  @ApiProperty({
    type: SessionPart,
    nullable: true,
    required: false,
    description: 'What a session has beside its messages; null: it is a plain thread.',
  })
  session?: SessionPart | null;

  @ApiProperty({ type: [SummaryPart], required: false })
  summaries?: SummaryPart[];

  @ApiProperty({ type: [EarlierMessage], description: 'Oldest first. Messages have no ids: an import makes new ones.' })
  messages!: EarlierMessage[];
}

class FieldErrorView {
  @ApiProperty({ example: 'messages.2.role' })
  field!: string;

  @ApiProperty()
  message!: string;
}

/** Why one conversation was not imported. */
class ImportFailure {
  @ApiProperty({ type: 'integer', description: 'Its line, or its place in a list, from 1.' })
  line!: number;

  @ApiProperty({ example: 'VALIDATION_FAILED', description: 'As of a request that brings this conversation alone.' })
  code!: string;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ type: [FieldErrorView], required: false, description: 'What is wrong with its fields.' })
  errors?: FieldErrorView[];
}

/** A conversation that was imported. */
class ImportedConversation {
  @ApiProperty({ type: 'integer', description: 'Its line, or its place in a list, from 1.' })
  line!: number;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The new thread; null in a dry run.' })
  thread_id!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The session that it is, if it is one.' })
  session_id!: string | null;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: 'integer' })
  message_count!: number;
}

/** What an import came to. Each conversation is there with everything, or not at all. */
export class ImportResult {
  @ApiProperty({ description: 'true: everything was checked, and nothing stored.' })
  dry_run!: boolean;

  @ApiProperty({ type: 'integer', description: 'Conversations that were imported.' })
  imported!: number;

  @ApiProperty({ type: 'integer', description: 'Conversations that were not.' })
  failed!: number;

  @ApiProperty({ type: 'integer', description: 'Messages that were imported.' })
  messages!: number;

  @ApiProperty({ description: 'false: the import broke off, and what came after the last line was not read.' })
  complete!: boolean;

  @ApiProperty({ type: [ImportedConversation], description: 'The first 1000.' })
  conversations!: ImportedConversation[];

  @ApiProperty({ type: [ImportFailure], description: 'The first 100, and why it broke off.' })
  errors!: ImportFailure[];
}
