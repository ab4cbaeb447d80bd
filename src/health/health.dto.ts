import { ApiProperty } from '@nestjs/swagger';

export class HealthView {
  @ApiProperty({ enum: ['healthy'] })
  status!: 'healthy';

  @ApiProperty({ example: 'throughline' })
  service!: string;

  @ApiProperty({ example: '0.1.0' })
  version!: string;

  @ApiProperty({ enum: ['up'] })
  database!: 'up';
}

export class LiveView {
  @ApiProperty({ enum: ['alive'] })
  status!: 'alive';
}

export class ReadyView {
  @ApiProperty({ enum: ['ready'] })
  status!: 'ready';
}
