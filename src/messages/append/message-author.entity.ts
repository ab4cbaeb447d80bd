import { Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Thread } from '../../threads';

/**
 * Who has written in a thread of somebody else's. A trigger on messages notes it, so that whoever erases a user finds what
 * they wrote there without an index over all messages.
 */
@Entity('message_authors')
@Index('message_authors_thread_id_idx', ['org_id', 'thread_id'])
export class MessageAuthor {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'message_authors_pkey' })
  org_id!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'message_authors_pkey' })
  user_id!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'message_authors_pkey' })
  thread_id!: string;

  @ManyToOne(() => Thread, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'org_id', referencedColumnName: 'org_id', foreignKeyConstraintName: 'message_authors_thread_id_fkey' },
    { name: 'thread_id', referencedColumnName: 'id', foreignKeyConstraintName: 'message_authors_thread_id_fkey' },
  ])
  thread?: Thread;
}
