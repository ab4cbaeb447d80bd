import { ApiProperty } from '@nestjs/swagger';
import { PageView } from '../../http/request/paging';

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
