import { ApiProperty } from '@nestjs/swagger';
import { IntField, UuidField } from '../../http/request/fields';
import { PageView } from '../../http/request/paging';
import { ExpectedVersion } from '../../http/request/versions';
import { REMOVAL_REASONS, type RemovalReason } from './deleted-message.entity';
import { MessageView } from '../messages.dto';

/** A message in the trash. */
export class TrashedMessage extends MessageView {
  @ApiProperty({ format: 'uuid', description: 'What went together has the same, and can be restored together.' })
  removal_id!: string;

  @ApiProperty({ enum: REMOVAL_REASONS })
  reason!: RemovalReason;

  @ApiProperty({ description: 'The user who removed it.' })
  deleted_by!: string;

  @ApiProperty({ format: 'date-time' })
  deleted_at!: string;
}

export class MessageTrashList extends PageView {
  @ApiProperty({ type: [TrashedMessage] })
  data!: TrashedMessage[];
}

export class RestoreMessages extends ExpectedVersion {
  @UuidField({ description: 'Only what went in this removal; by default all of the trash.' })
  removal_id?: string;
}

export class RestoredMessages {
  @ApiProperty({ type: 'integer', description: 'Messages that are back, each at its number.' })
  restored!: number;

  @ApiProperty({ type: 'integer', description: 'Messages that stay in the trash: their ids are in use again.' })
  skipped!: number;

  @ApiProperty({ type: 'integer', description: 'Messages of the thread now.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now; also the ETag." })
  version!: number;
}

export class UndoTurns extends ExpectedVersion {
  @IntField({ min: 1, max: 1_000_000, default: 1, description: 'How many; fewer where there are not so many.' })
  turns?: number;
}

export class RedoTurns extends ExpectedVersion {}

export class UndoneTurns {
  @ApiProperty({ type: 'integer', description: 'Messages that were removed.' })
  removed!: number;

  @ApiProperty({ type: 'integer', description: 'Messages that are left.' })
  remaining!: number;

  @ApiProperty({ type: 'integer', description: 'The same as remaining.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now; also the ETag." })
  version!: number;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Under which they are in the trash; null with TRASH_RETENTION_DAYS=0: they are gone.',
  })
  removal_id!: string | null;

  @ApiProperty({ type: [MessageView], description: 'What was removed, oldest first; the first 1000.' })
  messages!: MessageView[];
}

export class RedoneTurns {
  @ApiProperty({ type: 'integer', description: 'Messages that are back.' })
  restored!: number;

  @ApiProperty({ type: 'integer', description: 'Messages of the thread now.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now; also the ETag." })
  version!: number;

  @ApiProperty({ type: [MessageView], description: 'What came back, oldest first; the first 1000.' })
  messages!: MessageView[];
}

/** What a message was before an edit. */
export class MessageRevisionView {
  @ApiProperty({ type: 'integer', description: '1 is what was appended.' })
  revision!: number;

  @ApiProperty({
    required: false,
    nullable: true,
    description: 'As messages show it. Absent if the message had none.',
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: { type: 'object', additionalProperties: true } },
    ],
  })
  content?: unknown;

  @ApiProperty({ type: 'object', additionalProperties: true })
  metadata!: Record<string, unknown>;

  @ApiProperty({ type: 'integer' })
  token_count!: number;

  @ApiProperty()
  cost!: number;

  @ApiProperty({ format: 'date-time', description: 'When the message became this.' })
  written_at!: string;

  @ApiProperty({ format: 'date-time', description: 'When an edit replaced it.' })
  replaced_at!: string;

  @ApiProperty({ description: 'The user who edited it.' })
  replaced_by!: string;
}

export class MessageRevisionList extends PageView {
  @ApiProperty({ type: [MessageRevisionView] })
  data!: MessageRevisionView[];
}
