import { ApiProperty } from '@nestjs/swagger';

/** How many rows a cleanup removed, by table. */
export class CleanupView {
  @ApiProperty({ type: 'integer', description: 'Expired idempotency keys.' })
  idempotency_keys!: number;
}
