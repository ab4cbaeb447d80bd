import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { User } from '../organizations';
import { type SharePermission, Thread } from '../threads';

/**
 * With `user_id`: that user may see the thread. Without: a link; whoever accepts it gets a share of their own, which
 * names the link and goes with it.
 */
@Entity('shares')
@Check('shares_permission_check', `"permission" IN ('read', 'write')`)
@Check('shares_recipient_check', `("user_id" IS NULL) = ("secret_hash" IS NOT NULL)`)
@Index('shares_user_id_idx', ['org_id', 'user_id', 'thread_id'], { where: '(user_id IS NOT NULL)' })
@Index('shares_thread_id_idx', ['org_id', 'thread_id', 'id'])
@Index('shares_expires_at_idx', ['expires_at'], { where: '(expires_at IS NOT NULL)' })
@Index('shares_link_id_idx', ['org_id', 'link_id'], { where: '(link_id IS NOT NULL)' })
@Index('shares_direct_key', ['org_id', 'thread_id', 'user_id'], {
  unique: true,
  where: '((user_id IS NOT NULL) AND (link_id IS NULL))',
})
@Index('shares_accepted_key', ['org_id', 'link_id', 'user_id'], { unique: true, where: '(link_id IS NOT NULL)' })
export class Share {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'shares_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'shares_pkey' })
  id!: string;

  @Column({ type: 'uuid' })
  thread_id!: string;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'shares_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'shares_thread_id_fkey' },
  ])
  thread?: Thread;

  @Column({ type: 'text', nullable: true })
  user_id!: string | null;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'shares_user_id_fkey' },
    { name: 'user_id', referencedColumnName: 'id', foreignKeyConstraintName: 'shares_user_id_fkey' },
  ])
  user?: User;

  /** The link that was accepted. */
  @Column({ type: 'uuid', nullable: true })
  link_id!: string | null;

  @ManyToOne(() => Share, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'shares_link_id_fkey' },
    { name: 'link_id', referencedColumnName: 'id', foreignKeyConstraintName: 'shares_link_id_fkey' },
  ])
  link?: Share;

  @Column({ type: 'text' })
  permission!: SharePermission;

  /** SHA-256 of a link's secret. */
  @Column({ type: 'bytea', nullable: true })
  secret_hash!: Buffer | null;

  /** The user who shared it. */
  @Column({ type: 'text' })
  created_by!: string;

  /** null: until it is revoked. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}
