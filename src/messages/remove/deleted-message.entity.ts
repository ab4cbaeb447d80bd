import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Thread } from '../../threads';
import { MessageFields } from '../message.entity';

export const REMOVAL_REASONS = ['deleted', 'cleared', 'undone'] as const;
export type RemovalReason = (typeof REMOVAL_REASONS)[number];

/** A message in the trash: as it was, and how it went. Its number stays its own, so it can come back to its place. */
@Entity('deleted_messages')
@Check('deleted_messages_reason_check', `"reason" IN ('deleted', 'cleared', 'undone')`)
@Index('deleted_messages_id_idx', ['org_id', 'id'])
@Index('deleted_messages_sender_id_idx', ['org_id', 'sender_id'], { where: '(sender_id IS NOT NULL)' })
@Index('deleted_messages_removal_id_idx', ['org_id', 'thread_id', 'removal_id', 'seq'])
@Index('deleted_messages_deleted_at_idx', ['org_id', 'deleted_at'])
export class DeletedMessage extends MessageFields {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'deleted_messages_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'deleted_messages_pkey' })
  thread_id!: string;

  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'deleted_messages_pkey' })
  seq!: number;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'deleted_messages_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'deleted_messages_thread_id_fkey' },
  ])
  thread?: Thread;

  @Column({ type: 'jsonb' })
  metadata!: Record<string, unknown>;

  @Column({ type: 'integer' })
  token_count!: number;

  /** Exact decimal, as text. */
  @Column({ type: 'numeric', precision: 38, scale: 12 })
  cost!: string;

  /** What went together comes back together: one undo, one clear, one delete. A UUIDv7: its order is that of removals. */
  @Column({ type: 'uuid' })
  removal_id!: string;

  /** With the first message of an undo: the summaries that it took back too. */
  @Column({ type: 'jsonb', nullable: true })
  summaries!: unknown[] | null;

  @Column({ type: 'text' })
  reason!: RemovalReason;

  /** The thread's highest number then: an undo can be taken back while it is still that. */
  @Column({ type: 'bigint' })
  thread_last_seq!: number;

  /** The user who removed it. */
  @Column({ type: 'text' })
  deleted_by!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  deleted_at!: Date;
}
