import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The first answer to a POST that brought an `Idempotency-Key`; kept for `IDEMPOTENCY_TTL_HOURS`. */
@Entity('idempotency_keys')
@Index('idempotency_keys_created_at_idx', ['created_at'])
export class FirstAnswer {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  user_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  key!: string;

  /** SHA-256 of method, path and body. */
  @Column({ type: 'bytea' })
  request_hash!: Buffer;

  /** `json`, not `jsonb`: a repetition gets the first answer with its members in their order. */
  @Column({ type: 'json', nullable: true })
  response!: unknown;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}
