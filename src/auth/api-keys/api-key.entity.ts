import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Organization, type Role } from '../../organizations';

/** An API key. Its secret is not here, only its hash. */
@Entity('api_keys')
@Index('api_keys_id_key', ['id'], { unique: true })
@Index('api_keys_revoked_at_idx', ['revoked_at'])
export class ApiKey {
  /** The organization that it opens. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'api_keys_pkey' })
  @ForeignKey(() => Organization, { name: 'api_keys_org_id_fkey', onDelete: 'CASCADE' })
  org_id!: string;

  /** UUIDv7; unique over all organizations, because a key is looked up before its organization is known. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'api_keys_pkey' })
  id!: string;

  /** What people call it. */
  @Column({ type: 'text' })
  name!: string;

  /** What its bearer may do. */
  @Column({ type: 'text' })
  role!: Role;

  /** Whom its bearer acts as; null for a service key, whose requests name their user. */
  @Column({ type: 'text', nullable: true })
  user_id!: string | null;

  /** SHA-256 of the secret. */
  @Column({ type: 'bytea' })
  secret_hash!: Buffer;

  /** From when on it is refused; null: never. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at!: Date | null;

  /** When it was revoked; null: it was not. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  revoked_at!: Date | null;

  /** When it was last used, to the minute. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_used_at!: Date | null;

  /** When it was made. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}
