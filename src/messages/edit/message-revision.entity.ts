import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Json } from '../../common/json';
import { Thread } from '../../threads';

/** What a message was before an edit. */
@Entity('message_revisions')
export class MessageRevision {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'message_revisions_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'message_revisions_pkey' })
  thread_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'message_revisions_pkey' })
  message_id!: string;

  /** 1 is what was appended; never reused. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'message_revisions_pkey' })
  revision!: number;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'message_revisions_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'message_revisions_thread_id_fkey' },
  ])
  thread?: Thread;

  /** As in messages: SQL NULL is no content, JSON null a content of null. */
  @Column({ type: 'jsonb', nullable: true })
  content!: Json;

  @Column({ type: 'jsonb' })
  metadata!: Record<string, unknown>;

  @Column({ type: 'integer' })
  token_count!: number;

  /** Exact decimal, as text. */
  @Column({ type: 'numeric', precision: 38, scale: 12 })
  cost!: string;

  /** When the message became this. */
  @Column({ type: 'timestamptz', precision: 3 })
  written_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  replaced_at!: Date;

  /** The user who edited it. */
  @Column({ type: 'text' })
  replaced_by!: string;
}
