import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Thread } from '../../threads';

/** `reset`: more has changed than is worth a list; who follows the thread reads it anew. */
export const CHANGE_KINDS = ['edited', 'deleted', 'restored', 'reset'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** What happened to stored messages, for those who follow a thread. Appends are not in it: the messages are their own log. */
@Entity('message_changes')
@Check('message_changes_kind_check', `"kind" IN ('edited', 'deleted', 'restored', 'reset')`)
@Index('message_changes_created_at_idx', ['org_id', 'created_at'])
export class MessageChange {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'message_changes_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'message_changes_pkey' })
  thread_id!: string;

  /** The thread's version with this change. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'message_changes_pkey' })
  version!: number;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'message_changes_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'message_changes_thread_id_fkey' },
  ])
  thread?: Thread;

  @Column({ type: 'text' })
  kind!: ChangeKind;

  /** Numbers of the messages; null for `reset`. */
  @Column({ type: 'bigint', array: true, nullable: true })
  seqs!: number[] | null;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;
}
