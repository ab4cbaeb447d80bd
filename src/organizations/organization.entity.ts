import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A tenant; made on first sight of one of its users. */
@Entity('organizations')
export class Organization {
  /** Chosen by the operator or the identity provider: 1 to 64 of `A-Z a-z 0-9 _ - . : @`. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'organizations_pkey' })
  id!: string;

  /** What people call it; empty when nobody has said. */
  @Column({ type: 'text', default: '' })
  name!: string;

  /** Settings of the organization. */
  @Column({ type: 'jsonb', default: {} })
  settings!: Record<string, unknown>;

  /** When it was first seen. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}
