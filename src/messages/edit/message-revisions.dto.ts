import { ApiProperty, PickType } from '@nestjs/swagger';
import { PageView } from '../../http/request/paging';
import { MessageView } from '../messages.dto';

/** What a message was before an edit. */
export class MessageRevisionView extends PickType(MessageView, [
  'content',
  'metadata',
  'token_count',
  'cost',
] as const) {
  @ApiProperty({ type: 'integer', description: '1 is what was appended.' })
  revision!: number;

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
