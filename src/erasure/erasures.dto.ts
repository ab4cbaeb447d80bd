import { ApiProperty } from '@nestjs/swagger';
import { IdField, TextField } from '../http/request/fields';
import { PageQuery, PageView } from '../http/request/paging';
import {
  type Erasure,
  ERASURE_STATUSES,
  ERASURE_SUBJECTS,
  type ErasureStatus,
  type ErasureSubject,
} from './erasure.entity';

/** What to erase: one user, or the whole organization. */
export class StartErasure {
  @IdField({ description: 'Everything of this user of the organization.', example: 'alice' })
  user_id?: string;

  @TextField({
    min: 1,
    max: 64,
    description:
      "Everything of the organization: the credentials' own, spelled out as a confirmation. Its keys die at once.",
  })
  org_id?: string;
}

export class ListErasuresQuery extends PageQuery {}

/** What was removed. */
export class ErasureView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ERASURE_SUBJECTS })
  subject!: ErasureSubject;

  @ApiProperty({ enum: ERASURE_STATUSES, description: '`running`: it goes on in the background.' })
  status!: ErasureStatus;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description:
      'Rows removed so far, by table; `messages.created_by` and the like: rows of others that named the user.',
    example: { messages: 1200, threads: 14 },
  })
  rows!: Record<string, number>;

  @ApiProperty({ type: 'integer', description: 'Their sum.' })
  total!: number;

  @ApiProperty({ type: String, nullable: true })
  requested_by!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  finished_at!: string | null;
}

export class ErasureList extends PageView {
  @ApiProperty({ type: [ErasureView] })
  data!: ErasureView[];
}

export class DeletedErasure {
  @ApiProperty({ example: true })
  deleted!: boolean;

  @ApiProperty({ format: 'uuid' })
  id!: string;
}

export const toErasureView = (erasure: Erasure): ErasureView => ({
  id: erasure.id,
  subject: erasure.subject,
  status: erasure.status,
  rows: erasure.rows,
  total: Object.values(erasure.rows).reduce((sum, count) => sum + count, 0),
  requested_by: erasure.requested_by,
  created_at: erasure.created_at.toISOString(),
  finished_at: erasure.finished_at?.toISOString() ?? null,
});
