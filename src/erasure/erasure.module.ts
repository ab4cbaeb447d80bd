import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency';
import { ErasureWorkerService } from './erasure-worker.service';
import { ErasuresController } from './erasures.controller';
import { ErasuresRepository } from './erasures.repository';
import { ErasuresService } from './erasures.service';

/** Erasure of users and organizations, with receipts. */
@Module({
  imports: [IdempotencyModule],
  controllers: [ErasuresController],
  providers: [ErasuresService, ErasureWorkerService, ErasuresRepository],
  exports: [ErasureWorkerService],
})
export class ErasureModule {}
