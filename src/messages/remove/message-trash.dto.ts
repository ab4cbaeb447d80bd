import { ApiProperty } from '@nestjs/swagger';
import { UuidField } from '../../http/request/fields';
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
