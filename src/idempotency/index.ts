export { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader, readIdempotencyKey } from './idempotency-key';
export { IdempotencyModule } from './idempotency.module';
export { IdempotencyService } from './idempotency.service';
