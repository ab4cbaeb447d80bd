import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { Organization } from './organization.entity';

/** A person or service of an organization; made on first sight. */
@Entity('users')
export class User {
  /** The organization. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'users_pkey' })
  @ForeignKey(() => Organization, { name: 'users_org_id_fkey', onDelete: 'CASCADE' })
  org_id!: string;

  /** Chosen by the caller or the identity provider: 1 to 255 characters. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'users_pkey' })
  id!: string;

  /** The role at first sight. What a request may do is decided by its key or token, not by this. */
  @Column({ type: 'text', default: 'member' })
  role!: string;

  /** What people call the user; null when nobody has said. */
  @Column({ type: 'text', nullable: true })
  display_name!: string | null;

  /** When the user was first seen. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}
