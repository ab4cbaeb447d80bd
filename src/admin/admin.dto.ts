import { ApiProperty } from '@nestjs/swagger';
import type { Stats } from './admin.repository';

/** What an organization keeps; what has expired does not count. */
export class StatsView {
  @ApiProperty({ type: 'integer', description: 'Threads, those of sessions and archived ones included.' })
  threads!: number;

  @ApiProperty({ type: 'integer', description: 'Messages in these threads.' })
  messages!: number;

  @ApiProperty({ type: 'integer', description: 'Sessions, sleeping ones included.' })
  sessions!: number;

  @ApiProperty({ type: 'integer', description: 'Sessions that count against SESSION_MAX_CONCURRENT.' })
  active!: number;

  @ApiProperty({ type: 'integer', description: 'Users seen so far.' })
  users!: number;

  @ApiProperty({ type: 'integer', description: 'Tokens of these messages.' })
  token_count!: number;

  @ApiProperty({ description: 'Cost of these messages.' })
  total_cost!: number;
}

export const toStatsView = (stats: Stats): StatsView => ({ ...stats, total_cost: Number(stats.total_cost) });
