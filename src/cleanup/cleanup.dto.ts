import { ApiProperty } from '@nestjs/swagger';
import { IsNumber, IsPositive, Max } from 'class-validator';
import { field } from '../http/request/fields';

/** A century: beyond it, the difference of two times would leave the range of dates. */
const MAX_DAYS = 36_500;

/** What a cleanup removes besides what has expired. */
export class RunCleanup {
  @field(
    {
      description:
        'Also removes the sessions of your organization that were last written to more than so many days ago, with ' +
        'their messages. Fractions are allowed. Threads without a session stay.',
      example: 7,
    },
    { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: MAX_DAYS },
    IsNumber(),
    IsPositive(),
    Max(MAX_DAYS),
  )
  older_than_days?: number;
}

/** How many rows of your organization a cleanup removed, or moved to the trash. */
export class CleanupView {
  @ApiProperty({ type: 'integer', description: 'Expired idempotency keys.' })
  idempotency_keys!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Sessions that had expired: they are in the trash now, for TRASH_RETENTION_DAYS.',
  })
  expired_sessions!: number;

  @ApiProperty({ type: 'integer', description: 'Memories that had expired.' })
  expired_memories!: number;

  @ApiProperty({ type: 'integer', description: 'Shares of conversations that had expired.' })
  expired_shares!: number;

  @ApiProperty({ type: 'integer', description: 'Threads that were in the trash for TRASH_RETENTION_DAYS.' })
  trashed_threads!: number;

  @ApiProperty({ type: 'integer', description: 'Messages that were in the trash for TRASH_RETENTION_DAYS.' })
  deleted_messages!: number;

  @ApiProperty({ type: 'integer', description: 'Notes, older than a week, of what happened to messages.' })
  message_changes!: number;

  @ApiProperty({ type: 'integer', description: 'Sessions that were older than `older_than_days`.' })
  old_sessions!: number;

  @ApiProperty({ type: 'integer', description: 'Sessions in all: the expired and the old ones.' })
  deleted!: number;
}
