import { ApiProperty, OmitType } from '@nestjs/swagger';
import { IntField } from '../../http/request/fields';
import { ExpectedVersion } from '../../http/request/versions';
import { MessageView } from '../messages.dto';
import { SessionMessage } from '../read/session-message.dto';

const UNDONE = 'What was removed, oldest first; the first 1000.';
const REDONE = 'What came back, oldest first; the first 1000.';

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

  @ApiProperty({ type: [MessageView], description: UNDONE })
  messages!: MessageView[];
}

export class RedoneTurns {
  @ApiProperty({ type: 'integer', description: 'Messages that are back.' })
  restored!: number;

  @ApiProperty({ type: 'integer', description: 'Messages of the thread now.' })
  total!: number;

  @ApiProperty({ type: 'integer', description: "The thread's version now; also the ETag." })
  version!: number;

  @ApiProperty({ type: [MessageView], description: REDONE })
  messages!: MessageView[];
}

/** The same of a session. */
export class UndoneSessionTurns extends OmitType(UndoneTurns, ['messages'] as const) {
  @ApiProperty({ type: [SessionMessage], description: UNDONE })
  messages!: SessionMessage[];
}

/** The same of a session. */
export class RedoneSessionTurns extends OmitType(RedoneTurns, ['messages'] as const) {
  @ApiProperty({ type: [SessionMessage], description: REDONE })
  messages!: SessionMessage[];
}
