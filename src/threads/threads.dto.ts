import { ApiProperty } from '@nestjs/swagger';
import { ArrayMinSize, IsArray } from 'class-validator';
import {
  EnumField,
  FlagField,
  IdField,
  NameField,
  ObjectField,
  TextField,
  BoundField,
  UuidField,
} from '../http/request/fields';
import { CountedPageQuery, PageQuery, PageView } from '../http/request/paging';
import { ExpectedVersion } from '../http/request/versions';
import { ItemsOf } from '../http/request/validation.pipe';
import { AutoSummarizeField, AutoSummarizeProperty } from './auto-summarize.dto';
import type { AutoSummarize, Thread, ThreadStatus } from './thread.entity';

export const THREAD_STATUSES = ['active', 'archived'] as const satisfies readonly ThreadStatus[];

/** A new thread. */
export class CreateThread {
  @NameField({ required: true, description: 'Shown in lists; trimmed.', example: 'Hotel search, Tokyo' })
  name!: string;

  @ObjectField({
    description: 'Free JSON object, at most 64 KB; null is {}.',
    example: { project: 'travel' },
    nullable: true,
  })
  metadata?: Record<string, unknown> | null;

  @AutoSummarizeField()
  auto_summarize?: AutoSummarize | null;

  @IdField({ description: "The owner. Another user than the caller's: service keys and admins only (else 403)." })
  user_id?: string;

  @TextField({ max: 64, description: "If given, the credentials' organization (else 403)." })
  org_id?: string;
}

/** Several new threads: all are made or none. */
export class CreateThreads {
  @ApiProperty({ type: [CreateThread], description: 'At most 1000.' })
  @IsArray()
  @ArrayMinSize(1)
  @ItemsOf(CreateThread)
  threads!: CreateThread[];
}

/** What may change of a thread; owner and organization may not. */
export class UpdateThread extends ExpectedVersion {
  @NameField({ description: 'New name.' })
  name?: string;

  @ObjectField({ description: 'JSON merge patch (RFC 7396): null removes a key, absent keys stay.' })
  metadata?: Record<string, unknown>;

  @AutoSummarizeField()
  auto_summarize?: AutoSummarize | null;
}

export class SetCurrentThread {
  @UuidField({ required: true, description: 'The thread to work in from now on.' })
  thread_id!: string;
}

export class GetThreadQuery {
  @EnumField(['messages'], { description: '`messages` adds the newest 1000 messages as chat_messages.' })
  include?: 'messages';
}

const THREAD_SORTS = ['updated_at', 'created_at'] as const;

export class ListThreadsQuery extends CountedPageQuery {
  @IdField({ description: 'Only threads of this user. Service keys and admins may name any user of the organization.' })
  user_id?: string;

  @TextField({ max: 64, description: "If given, the credentials' organization (else 403)." })
  org_id?: string;

  @FlagField({ default: 'false', description: '`true`: what others share with you, instead of your own threads.' })
  shared?: 'true' | 'false';

  @TextField({ min: 1, max: 255, description: 'Text that the name contains, in any case.' })
  name?: string;

  @TextField({
    min: 2,
    max: 8192,
    description: 'JSON object: only threads whose metadata hold all of it.',
    example: '{"project":"travel"}',
  })
  metadata?: string;

  @EnumField([...THREAD_STATUSES, 'all'], {
    default: 'active',
    description: 'Archived threads are not listed unless asked for.',
  })
  status?: ThreadStatus | 'all';

  @BoundField({ description: 'Created at this time or later.' })
  created_from?: string;

  @BoundField({ description: 'Created before this time.' })
  created_to?: string;

  @BoundField({ description: 'Last written to at this time or later.' })
  updated_from?: string;

  @BoundField({ description: 'Last written to before this time.' })
  updated_to?: string;

  @EnumField(THREAD_SORTS, { default: 'updated_at', description: 'Newest first unless order=asc.' })
  sort_by?: (typeof THREAD_SORTS)[number];
}

/** A thread as the API shows it. */
export class ThreadView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  org_id!: string;

  @ApiProperty({ description: 'The owner.' })
  user_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;

  @ApiProperty({ enum: THREAD_STATUSES })
  status!: ThreadStatus;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The session that stands on this thread, if there is one.',
  })
  session_id!: string | null;

  @AutoSummarizeProperty()
  auto_summarize!: AutoSummarize | null;

  @ApiProperty({ type: 'integer' })
  message_count!: number;

  @ApiProperty({ type: 'integer', description: "Sum of the messages' token_count." })
  token_count!: number;

  @ApiProperty({ description: "Exact sum of the messages' cost." })
  total_cost!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Rises by one with every write to the thread or its messages; also the ETag.',
  })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time', description: 'Moves with every write to the thread or its messages.' })
  updated_at!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'From then on it is in the trash; null: never, as for threads without a session.',
  })
  expires_at!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The thread that it was forked from.' })
  parent_thread_id!: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: "The parent's number of the last message that was copied; 0: none was.",
  })
  fork_point!: number | null;

  @ApiProperty({ enum: ['read', 'write'], required: false, description: 'What you may do with it, with shared=true.' })
  permission?: 'read' | 'write';

  @ApiProperty({ format: 'uuid', required: false, description: 'Your share of it, with shared=true.' })
  share_id?: string;

  // By its name: messages stand on threads, not threads on messages.
  @ApiProperty({
    type: 'array',
    items: { $ref: '#/components/schemas/MessageView' },
    required: false,
    description: 'On a new thread, and with include=messages.',
  })
  chat_messages?: object[];
}

export class ThreadList extends PageView {
  @ApiProperty({ type: [ThreadView] })
  data!: ThreadView[];
}

export class ThreadBatch {
  @ApiProperty({ type: [ThreadView] })
  data!: ThreadView[];
}

export class ListThreadTrashQuery extends PageQuery {
  @IdField({ description: "Whose trash; by default the caller's. Another user's: service keys and admins only (403)." })
  user_id?: string;
}

/** A thread in the trash; its session is gone. */
export class TrashedThread extends ThreadView {
  @ApiProperty({ format: 'date-time' })
  deleted_at!: string;
}

export class ThreadTrashList extends PageView {
  @ApiProperty({ type: [TrashedThread] })
  data!: TrashedThread[];
}

export class CurrentThreadView {
  @ApiProperty({ type: ThreadView, nullable: true, description: 'null when no thread is current.' })
  thread!: ThreadView | null;
}

export class DeletedThread {
  @ApiProperty({ example: true })
  deleted!: boolean;

  @ApiProperty({ format: 'uuid' })
  id!: string;
}

export const toThreadView = (thread: Thread): ThreadView => ({
  id: thread.id,
  org_id: thread.org_id,
  user_id: thread.user_id,
  name: thread.name,
  metadata: thread.metadata,
  status: thread.status,
  session_id: thread.session_id,
  auto_summarize: thread.auto_summarize,
  message_count: thread.message_count,
  token_count: thread.token_count,
  total_cost: Number(thread.total_cost),
  version: thread.version,
  expires_at: thread.expires_at?.toISOString() ?? null,
  created_at: thread.created_at.toISOString(),
  updated_at: thread.updated_at.toISOString(),
  parent_thread_id: thread.forked_from_thread_id,
  fork_point: thread.forked_from_seq,
});
